"""Settings of the local stack, read once from the environment and from `.env` in the checkout."""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from local.errors import RunnerError
from local.template.aws_identifiers import SECRET_PREFIX
from pointsman.settings.api import HEADER_AUTH_CONSENT
from pointsman.settings.secrets import SECRET_GROUPS
from pointsman.settings.tools import TOOL_IDS

DEFAULT_PORT = 3002
BUILT_TEMPLATE = ".aws-sam/local/build/template.yaml"
"""Where `make build-local` puts the template of what it has built for this machine, below the checkout."""
BUILT_PYTHON = ".venv/runtime/bin/python"
"""The Python that the template names, with the packages of Lambda's runtime and no others, below the checkout."""
DEVELOPMENT_API_KEY = "pointsman-development-key"
DEVELOPMENT_SIGNING_KEY = "pointsman-development-signing-key"
DEFAULT_STREAM_PROCESSES = 220
DEFAULT_STREAMS = 200
"""Open streams of all users together; here a stream is a process of some megabytes, and Postgres is our own."""

PROMPT_QUOTAS = tuple(
    f"{quota}_{scope}"
    for quota in ("PROMPTS_AT_ONCE", "PROMPTS_AN_HOUR", "TOKENS_A_DAY", "WAITING_APPROVALS")
    for scope in ("PER_USER", "FOR_ALL")
)
"""The settings of the prompts' quotas, which are off on this machine unless they are set."""

ProviderState = Literal["simulated", "real", "not configured"]


@dataclass(frozen=True)
class ProviderSettings:
    """The settings of one provider.

    Args:
        name: Name of the provider.
        key_setting: The variable that holds its API key.
        url_setting: The variable that holds its base URL.
        simulator_path: Path below the simulator's origin that takes the place of the base URL.
    """

    name: str
    key_setting: str
    url_setting: str
    simulator_path: str


PROVIDERS = (
    ProviderSettings("railway", "RAILWAY_API_TOKEN", "RAILWAY_API_URL", "/railway/graphql/v2"),
    ProviderSettings("openrouter", "OPENROUTER_MANAGEMENT_KEY", "OPENROUTER_API_URL", "/openrouter/api/v1"),
    ProviderSettings("agentmail", "AGENTMAIL_API_KEY", "AGENTMAIL_API_URL", "/agentmail/v0"),
    ProviderSettings("telnyx", "TELNYX_API_KEY", "TELNYX_API_URL", "/telnyx/v2"),
    ProviderSettings("model", "MODEL_API_KEY", "MODEL_BASE_URL", "/model/v1"),
)


@dataclass(frozen=True)
class Settings:
    """Settings of one run of the stack.

    Args:
        root: The checkout.
        template: The template to run: the checkout's, or the one that `sam build` has written for this machine.
        python: The interpreter of the functions' processes.
        data: Folder of everything that is kept between runs, and of the logs.
        host: Address that the gateway listens on.
        port: Port that the gateway listens on; 0 takes a free one.
        api_key: SERVICES_API_KEY, or the development key.
        database_url: Address of an existing Postgres; None runs the embedded one.
        schedules: Whether schedules fire on time.
        environment: The developer's environment, with `.env` below it; a function's variable of the same name takes its
            value from here instead of from the template.
        simulator_arguments: Arguments of the Python process that runs the simulator.
        concurrency: Most processes of one function.
        stream_concurrency: Most processes of one function that streams, so most of its streams at the same time.
        idle_timeout: Seconds after which an idle process of a function ends, unless it is the only one.
        integration_timeout: Seconds that the gateway waits for a function behind the HTTP API.
        problems: What is wrong with settings of the run, a line for each. The stack does not start with any; those of
            functions are validated with the template (`local/stack/setting_check`).
    """

    root: Path
    template: Path
    python: Path
    data: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    api_key: str = DEVELOPMENT_API_KEY
    database_url: str | None = None
    schedules: bool = True
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    simulator_arguments: tuple[str, ...] = ("-m", "local.simulator")
    concurrency: int = 10
    stream_concurrency: int = DEFAULT_STREAM_PROCESSES
    idle_timeout: float = 30.0
    integration_timeout: float = 30.0
    problems: tuple[str, ...] = ()

    @classmethod
    def load(cls, root: Path | None = None, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings of a checkout from the environment and, below it, from the checkout's `.env`.

        Args:
            root: The checkout; the one of this file by default.
            environ: Environment; the process's own by default.

        Raises:
            RunnerError: `.env` cannot be read, or what is to run is not built.
        """
        root = _resolve_root(root)
        return cls._from_environment(
            root, {**read_dotenv(root / ".env"), **(os.environ if environ is None else environ)}
        )

    @classmethod
    def isolated(cls, environ: Mapping[str, str], root: Path | None = None) -> "Settings":
        """Read the settings from the given environment only, whatever the process's own and `.env` hold.

        For tests: a developer's `.env` may name a database or an address that no test may use.

        Args:
            environ: The whole environment.
            root: The checkout; the one of this file by default.

        Raises:
            RunnerError: What is to run is not built.
        """
        return cls._from_environment(_resolve_root(root), dict(environ))

    @classmethod
    def _from_environment(cls, root: Path, environment: Mapping[str, str]) -> "Settings":
        parser = _Parser(environment)
        is_built = parser.parse_switch("POINTSMAN_BUILT", "off")
        return cls(
            root=root,
            template=_find_built(root, BUILT_TEMPLATE) if is_built else root / "template.yaml",
            python=_find_built(root, BUILT_PYTHON) if is_built else Path(sys.executable),
            data=root / (environment.get("POINTSMAN_DATA") or ".pointsman"),
            host=environment.get("API_HOST") or "127.0.0.1",
            port=parser.parse_port(),
            api_key=environment.get("SERVICES_API_KEY") or DEVELOPMENT_API_KEY,
            database_url=environment.get("SERVICE_DATABASE_URL") or environment.get("DATABASE_URL") or None,
            stream_concurrency=parser.parse_count("POINTSMAN_STREAMS", DEFAULT_STREAM_PROCESSES),
            idle_timeout=parser.parse_count("POINTSMAN_IDLE_SECONDS", 30),
            schedules=parser.parse_switch("POINTSMAN_SCHEDULES", "on"),
            environment=environment,
            problems=tuple(parser.problems),
        )

    @property
    def is_development_api_key(self) -> bool:
        """Whether the API key is the public one of development, which may be printed."""
        return self.api_key == DEVELOPMENT_API_KEY

    def provider_states(self) -> dict[str, ProviderState]:
        """Return for each provider whether its key is unset (simulated), empty (not configured) or given (real)."""
        states: dict[str, ProviderState] = {}
        for provider in PROVIDERS:
            key = self.environment.get(provider.key_setting)
            states[provider.name] = "simulated" if key is None else "real" if key else "not configured"
        return states

    def needs_simulator(self) -> bool:
        """Return whether a provider is simulated whose base URL is not set to another stand-in."""
        states = self.provider_states()
        return any(states[p.name] == "simulated" and not self.environment.get(p.url_setting) for p in PROVIDERS)

    def databases(self) -> dict[str, str | None]:
        """Return the databases that `migrate` changes, without passwords; None for the embedded one or no pool."""
        return {
            "services": redact_database_url(self.database_url) if self.database_url else None,
            "pool": redact_database_url(self.pool_url, "POOL_DATABASE_URL") if self.pool_url else None,
        }

    @property
    def pool_url(self) -> str | None:
        """Address of the pool manager's database, from which `migrate` fills an empty one, or None."""
        return self.environment.get("POOL_DATABASE_URL") or None

    def function_overrides(self, database_url: str, simulator_url: str | None) -> dict[str, str]:
        """Build the values that override the template's variables and parameters, by name, secrets among them.

        Args:
            database_url: Address of the database, with its password.
            simulator_url: Origin of the simulator; None if it does not run.
        """
        overrides = dict(self.environment)
        overrides["SERVICES_API_KEY"] = self.api_key
        overrides["AGENT_AUTH"] = self.environment.get("AGENT_AUTH") or "header"
        # The gateway listens on this machine, where whoever reaches it may be any user.
        overrides["ALLOW_HEADER_AUTH"] = self.environment.get("ALLOW_HEADER_AUTH") or HEADER_AUTH_CONSENT
        overrides["AGENT_OPERATORS"] = self.environment.get("AGENT_OPERATORS") or "*"
        # Who tries things out here, or a benchmark, destroys many; on AWS the hold is on.
        overrides["DESTROY_HOLD_COUNT"] = self.environment.get("DESTROY_HOLD_COUNT") or "0"
        # Whoever tries webhooks here receives them here. The key is the same at each start, or receivers would have to
        # be given another secret.
        overrides["WEBHOOK_LOOPBACK_TARGETS"] = self.environment.get("WEBHOOK_LOOPBACK_TARGETS") or "on"
        overrides["WEBHOOK_SIGNING_KEY"] = self.environment.get("WEBHOOK_SIGNING_KEY") or DEVELOPMENT_SIGNING_KEY
        # Here nobody else pays for the model.
        for name in PROMPT_QUOTAS:
            overrides[name] = self.environment.get(name) or "off"
        # Less than the processes, so that one stream too many is refused and does not wait.
        overrides["STREAMS_FOR_ALL"] = self.environment.get("STREAMS_FOR_ALL") or str(DEFAULT_STREAMS)
        # Parameters that choose more than a function's variable.
        overrides["AgentAuth"] = overrides["AGENT_AUTH"]
        # POINTSMAN_STREAMS is the bound here.
        overrides["StreamConcurrency"] = self.environment.get("StreamConcurrency") or "0"
        overrides["ApiCorsOrigin"] = self.environment.get("API_CORS_ORIGIN") or ""
        # The gateway stands for CloudFront too, and the authorizers want its secret.
        overrides["ORIGIN_SECRET"] = self.environment.get("ORIGIN_SECRET") or secrets.token_hex(16)
        overrides["SERVICE_DATABASE_URL"] = database_url
        # The embedded Postgres has no TLS.
        overrides["DATABASE_SSLMODE"] = self.environment.get("DATABASE_SSLMODE") or "prefer"
        if not overrides.get("DATABASE_URL"):
            overrides["DATABASE_URL"] = database_url
        overrides["SECRET_PREFIX"] = SECRET_PREFIX
        states = self.provider_states()
        configured_tools = [name for name in TOOL_IDS if states[name] != "not configured"]
        overrides["TOOLS"] = self.environment.get("TOOLS") or ",".join(configured_tools) or "none"
        for provider in PROVIDERS:
            if not overrides.get(provider.url_setting):
                overrides.pop(provider.url_setting, None)
            if states[provider.name] == "simulated":
                overrides[provider.key_setting] = f"sim-{provider.name}-key"
                if simulator_url is not None:
                    overrides.setdefault(provider.url_setting, simulator_url + provider.simulator_path)
        if states["railway"] == "simulated":
            overrides.setdefault("RAILWAY_PROJECT_ID", "sim-project")
            if not overrides.get("RAILWAY_ENVIRONMENT_NAME"):
                overrides.setdefault("RAILWAY_ENVIRONMENT_ID", "sim-environment")
        if states["model"] == "simulated":
            for level in ("normal", "high"):
                name = f"MODEL_{level.upper()}"
                overrides[name] = overrides.get(name) or f"sim-{level}"
        return overrides


def build_secrets(overrides: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Build the secrets of Secrets Manager, by name: each has the variables of one group.

    Args:
        overrides: Those of `Settings.function_overrides`.
    """
    return {
        f"{SECRET_PREFIX}/{group}": {name: overrides.get(name, "") for name in names}
        for group, names in SECRET_GROUPS.items()
    }


def redact_database_url(url: str, setting: str = "SERVICE_DATABASE_URL") -> str:
    """Return host, port and database of an address, without user, password and options.

    Args:
        url: The address.
        setting: The setting that holds it, which is named instead of an address that cannot be parsed.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or 'localhost'}{port}{parts.path}" if parts.scheme else f"in {setting}"
    except ValueError:
        return f"in {setting}"


def read_dotenv(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines, with comments, `export` and quotes as in a shell; a missing file is empty.

    Raises:
        RunnerError: The file exists and cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunnerError(f"{path} cannot be read: {error.strerror}") from None
    values: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or name.startswith("#"):
            continue
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        else:
            value = value.split(" #", 1)[0].rstrip()
        values[name] = value
    return values


def _resolve_root(root: Path | None) -> Path:
    return (root or Path(__file__).resolve().parent.parent).resolve()


def _find_built(root: Path, name: str) -> Path:
    if sys.platform != "linux":
        raise RunnerError(f"POINTSMAN_BUILT is on: what Lambda runs is built for Linux, and this is {sys.platform}")
    path = root / name
    if not path.exists():
        raise RunnerError(f"POINTSMAN_BUILT is on and {path} is missing: `make build-local` makes it")
    return path


class _Parser:
    """Parses values of the environment. A wrong one is added to `problems`, and the default is returned."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def parse_switch(self, name: str, default: str) -> bool:
        text = self._environment.get(name, default)
        if text.lower() in ("on", "1", "true", "yes"):
            return True
        if text.lower() not in ("", "off", "0", "false", "no"):
            self.problems.append(f"{name} is {text[:40]!r}; it has to be on or off")
        return False

    def parse_port(self) -> int:
        name = "PORT" if self._environment.get("PORT") else "API_PORT"
        text = self._environment.get(name) or str(DEFAULT_PORT)
        if text.isdecimal() and int(text) <= 65535:
            return int(text)
        self.problems.append(f"{name} is {text[:40]!r}; it has to be a port number (0 takes a free one)")
        return DEFAULT_PORT

    def parse_count(self, name: str, default: int) -> int:
        text = self._environment.get(name) or str(default)
        if text.isdecimal() and int(text) >= 1:
            return int(text)
        self.problems.append(f"{name} is {text[:40]!r}; it has to be a number of at least 1")
        return default

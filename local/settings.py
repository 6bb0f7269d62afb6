"""The runner's own settings, read once from the environment and from `.env` in the checkout."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from local.errors import RunnerError

DEFAULT_PORT = 3002
DEVELOPMENT_API_KEY = "pointsman-development-key"

ProviderState = Literal["simulated", "real", "not configured"]


@dataclass(frozen=True)
class ProviderSettings:
    """One provider: the settings of its key and its address, and where the simulator serves it."""

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
    """What one run of the bundle is to be.

    Args:
        root: the checkout, where template.yaml is.
        data: everything that is kept between runs, and the logs.
        host: address that the gateway listens on.
        port: its port; 0 takes a free one.
        api_key: SERVICES_API_KEY, or the development key.
        database_url: an existing Postgres; None runs the embedded one.
        schedules: whether schedules fire by themselves.
        environment: the developer's environment with `.env` under it; a function's variable found here wins.
        simulator: arguments of the Python process that is the simulator.
        concurrency: most processes of one function.
        stream_concurrency: most processes of one function that streams, so the most streams of it at once.
        integration_limit: seconds that the gateway waits for a function.
    """

    root: Path
    data: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    api_key: str = DEVELOPMENT_API_KEY
    database_url: str | None = None
    schedules: bool = True
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    simulator_arguments: tuple[str, ...] = ("-m", "local.simulator")
    concurrency: int = 10
    stream_concurrency: int = 200
    integration_timeout: float = 30.0

    @classmethod
    def load(cls, root: Path | None = None, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings of a checkout.

        Args:
            root: the checkout; this file's own by default.
            environ: instead of the process's environment.

        Raises:
            RunnerError: a setting is malformed or missing.
        """
        root = (root or Path(__file__).resolve().parent.parent).resolve()
        environment = {**read_dotenv(root / ".env"), **(os.environ if environ is None else environ)}
        _validate_railway(environment)
        return cls(
            root=root,
            data=root / (environment.get("POINTSMAN_DATA") or ".pointsman"),
            host=environment.get("API_HOST") or "127.0.0.1",
            port=_parse_port(environment),
            api_key=environment.get("SERVICES_API_KEY") or DEVELOPMENT_API_KEY,
            database_url=environment.get("SERVICE_DATABASE_URL") or environment.get("DATABASE_URL") or None,
            stream_concurrency=_parse_stream_concurrency(environment),
            schedules=environment.get("POINTSMAN_SCHEDULES", "on").lower() not in ("off", "0", "false", "no"),
            environment=environment,
        )

    @property
    def is_development_api_key(self) -> bool:
        """Whether the API key is the well-known one, which may be printed."""
        return self.api_key == DEVELOPMENT_API_KEY

    def provider_states(self) -> dict[str, ProviderState]:
        """How each provider is reached: its key decides."""
        states: dict[str, ProviderState] = {}
        for provider in PROVIDERS:
            key = self.environment.get(provider.key_setting)
            states[provider.name] = "simulated" if key is None else "real" if key else "not configured"
        return states

    def needs_simulator(self) -> bool:
        """Whether some provider is simulated and is not simulated by somebody else's address."""
        states = self.provider_states()
        return any(states[p.name] == "simulated" and not self.environment.get(p.url_setting) for p in PROVIDERS)

    def databases(self) -> dict[str, str | None]:
        """Which databases are migrated, without a password; None for the embedded one, or for no pool's."""
        return {
            "services": redact_database_url(self.database_url) if self.database_url else None,
            "pool": redact_database_url(self.pool_url, "POOL_DATABASE_URL") if self.pool_url else None,
        }

    @property
    def pool_url(self) -> str | None:
        """The pool manager's database, from which an empty one is filled."""
        return self.environment.get("POOL_DATABASE_URL") or None

    def function_overrides(self, database_url: str, simulator_url: str | None) -> dict[str, str]:
        """Values that win over the template's, by the name of the variable."""
        overrides = dict(self.environment)
        overrides["SERVICES_API_KEY"] = self.api_key
        overrides["AGENT_AUTH"] = self.environment.get("AGENT_AUTH") or "header"
        overrides["SERVICE_DATABASE_URL"] = database_url
        if not overrides.get("DATABASE_URL"):
            overrides["DATABASE_URL"] = database_url
        states = self.provider_states()
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


def redact_database_url(url: str, setting: str = "SERVICE_DATABASE_URL") -> str:
    """Host, port and database of an address, and nothing else of it; of what is no URL only where it was read."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or 'localhost'}{port}{parts.path}" if parts.scheme else f"in {setting}"
    except ValueError:
        return f"in {setting}"


def read_dotenv(path: Path) -> dict[str, str]:
    """`NAME=value` lines; comments, `export` and quotes as shells have them; a missing file is empty."""
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


def _parse_port(environment: Mapping[str, str]) -> int:
    name = "PORT" if environment.get("PORT") else "API_PORT"
    text = environment.get(name) or str(DEFAULT_PORT)
    if not text.isdecimal() or int(text) > 65535:
        raise RunnerError(f"{name} is {text!r}; it has to be a port number (0 takes a free one)")
    return int(text)


def _parse_stream_concurrency(environment: Mapping[str, str]) -> int:
    text = environment.get("POINTSMAN_STREAMS") or "200"
    if not text.isdecimal() or int(text) < 1:
        raise RunnerError(f"POINTSMAN_STREAMS is {text!r}; it has to be a number of at least 1")
    return int(text)


def _validate_railway(environment: Mapping[str, str]) -> None:
    if not environment.get("RAILWAY_API_TOKEN"):
        return
    if not environment.get("RAILWAY_PROJECT_ID"):
        raise RunnerError("RAILWAY_API_TOKEN is set and RAILWAY_PROJECT_ID is not: set RAILWAY_PROJECT_ID")
    if not (environment.get("RAILWAY_ENVIRONMENT_ID") or environment.get("RAILWAY_ENVIRONMENT_NAME")):
        raise RunnerError(
            "RAILWAY_API_TOKEN is set, the environment is not: set RAILWAY_ENVIRONMENT_ID or RAILWAY_ENVIRONMENT_NAME"
        )

"""All settings, and the only place that reads the environment.

A function asks for the group that it uses, when it first uses it, and gets an error that names what is missing; so no
function needs a setting of another. Plain dataclasses, because the functions that read settings may not load pydantic
(its import costs more than everything else that they do). Values that are secrets never show in a `repr`.
"""

import os
from dataclasses import dataclass, field
from functools import cache

from .errors import MissingSetting

__all__ = [
    "AgentMailSettings",
    "AwsSettings",
    "DatabaseSettings",
    "OpenRouterSettings",
    "RailwaySettings",
    "RuntimeSettings",
    "TelnyxSettings",
    "Tuning",
    "forget",
    "services_api_key",
    "state_machine_arn",
]


def _optional(name: str, default: str = "") -> str:
    """The variable's value, or the default where it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def _required(name: str, hint: str = "") -> str:
    value = _optional(name)
    if not value:
        raise MissingSetting(name, hint)
    return value


def _number(name: str, default: float) -> float:
    text = _optional(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise MissingSetting(name, f"a number of at least 0 is needed, not {text[:20]!r}")
    return value


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """What Lambda itself sets: the function's credentials; an `endpoint_url` only where AWS is simulated."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    endpoint_url: str

    @classmethod
    def load(cls) -> "AwsSettings":
        """Read anew each time, because credentials rotate. Raises MissingSetting."""
        return cls(
            access_key_id=_required("AWS_ACCESS_KEY_ID"),
            secret_access_key=_required("AWS_SECRET_ACCESS_KEY"),
            session_token=_optional("AWS_SESSION_TOKEN"),
            endpoint_url=_optional("AWS_ENDPOINT_URL"),
        )


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Postgres. `url` is a libpq connection string or URI."""

    url: str = field(repr=False)

    @classmethod
    @cache
    def load(cls) -> "DatabaseSettings":
        """Raises MissingSetting where neither SERVICE_DATABASE_URL nor DATABASE_URL is set."""
        return cls(_optional("SERVICE_DATABASE_URL") or _optional("DATABASE_URL") or _required("SERVICE_DATABASE_URL"))


@dataclass(frozen=True, slots=True)
class RailwaySettings:
    """Railway. One of `environment_id` and `environment_name` is set."""

    token: str = field(repr=False)
    project_id: str
    environment_id: str
    environment_name: str
    runtime_image: str
    url: str
    timeout: float
    """Seconds that one call may take. Mutations of more than 30 s are seen (PROVIDERS: the official CLI waits 90 s)."""

    @classmethod
    @cache
    def load(cls) -> "RailwaySettings":
        environment_id, name = _optional("RAILWAY_ENVIRONMENT_ID"), _optional("RAILWAY_ENVIRONMENT_NAME")
        if not environment_id and not name:
            raise MissingSetting("RAILWAY_ENVIRONMENT_ID", "or set RAILWAY_ENVIRONMENT_NAME")
        return cls(
            token=_required("RAILWAY_API_TOKEN"),
            project_id=_required("RAILWAY_PROJECT_ID"),
            environment_id=environment_id,
            environment_name=name,
            runtime_image=_optional("RAILWAY_RUNTIME_IMAGE", "ghcr.io/xmtplabs/convos-runtime:latest"),
            url=_optional("RAILWAY_API_URL", "https://backboard.railway.com/graphql/v2"),
            timeout=_number("RAILWAY_TIMEOUT_SECONDS", 45),
        )


@dataclass(frozen=True, slots=True)
class OpenRouterSettings:
    """OpenRouter. `limit` is a new key's spending cap in USD, `limit_reset` when it starts anew."""

    management_key: str = field(repr=False)
    limit: float
    limit_reset: str | None
    url: str
    timeout: float

    @classmethod
    @cache
    def load(cls) -> "OpenRouterSettings | None":
        """None where no management key is set: the tool is not configured."""
        key = _optional("OPENROUTER_MANAGEMENT_KEY")
        if not key:
            return None
        reset = _optional("OPENROUTER_KEY_LIMIT_RESET", "monthly")
        if reset not in ("daily", "weekly", "monthly", "none"):
            raise MissingSetting("OPENROUTER_KEY_LIMIT_RESET", "one of daily, weekly, monthly, none")
        return cls(
            management_key=key,
            limit=_number("OPENROUTER_KEY_LIMIT", 20),
            limit_reset=None if reset == "none" else reset,
            url=_optional("OPENROUTER_API_URL", "https://openrouter.ai/api/v1"),
            timeout=_number("PROVIDER_TIMEOUT_SECONDS", 20),
        )


@dataclass(frozen=True, slots=True)
class AgentMailSettings:
    """AgentMail. An empty `domain` means the provider's default."""

    api_key: str = field(repr=False)
    domain: str
    url: str
    timeout: float

    @classmethod
    @cache
    def load(cls) -> "AgentMailSettings | None":
        """None where no API key is set: the tool is not configured."""
        key = _optional("AGENTMAIL_API_KEY")
        if not key:
            return None
        return cls(
            api_key=key,
            domain=_optional("AGENTMAIL_DOMAIN"),
            url=_optional("AGENTMAIL_API_URL", "https://api.agentmail.to/v0"),
            timeout=_number("PROVIDER_TIMEOUT_SECONDS", 20),
        )


@dataclass(frozen=True, slots=True)
class TelnyxSettings:
    """Telnyx. An empty `messaging_profile_id` means: use the profile named `convos-agent`, made on first use."""

    api_key: str = field(repr=False)
    messaging_profile_id: str
    url: str
    timeout: float

    @classmethod
    @cache
    def load(cls) -> "TelnyxSettings | None":
        """None where no API key is set: the tool is not configured."""
        key = _optional("TELNYX_API_KEY")
        if not key:
            return None
        return cls(
            api_key=key,
            messaging_profile_id=_optional("TELNYX_MESSAGING_PROFILE_ID"),
            url=_optional("TELNYX_API_URL", "https://api.telnyx.com/v2"),
            timeout=_number("PROVIDER_TIMEOUT_SECONDS", 20),
        )


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """What every instance's runtime is given from our own environment (contract, create-instance)."""

    variables: dict[str, str] = field(repr=False)

    @classmethod
    @cache
    def load(cls) -> "RuntimeSettings":
        """Variables that are not set here are not set there."""
        names = (
            "OPENCLAW_PRIMARY_MODEL",
            "POOL_API_KEY",
            "AGENTMAIL_API_KEY",
            "BANKR_API_KEY",
            "TELNYX_API_KEY",
            "TELNYX_PHONE_NUMBER",
            "TELNYX_MESSAGING_PROFILE_ID",
        )
        given = {name: _optional(name) for name in names}
        given["XMTP_ENV"] = _optional("XMTP_ENV", "dev")
        return cls({name: value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class Tuning:
    """Waiting times, in seconds."""

    answer_within: float
    """How long create and destroy wait for the operation before they answer 202 (the gateway cuts off at 30 s)."""
    settle: float
    """How long after a write without an answer an empty listing proves that nothing was made."""

    @classmethod
    @cache
    def load(cls) -> "Tuning":
        return cls(answer_within=_number("ANSWER_WITHIN_SECONDS", 25), settle=_number("SETTLE_SECONDS", 10))


def services_api_key() -> str:
    """The key that callers of the Services API present. Raises MissingSetting."""
    return _required("SERVICES_API_KEY")


def state_machine_arn(kind: str) -> str:
    """The ARN of the state machine of operations of this kind (`create`, `destroy`). Raises MissingSetting."""
    return _required(f"{kind.upper()}_STATE_MACHINE_ARN")


def forget() -> None:
    """Read the environment anew at the next load (for tests)."""
    for group in (
        DatabaseSettings,
        RailwaySettings,
        OpenRouterSettings,
        AgentMailSettings,
        TelnyxSettings,
        RuntimeSettings,
        Tuning,
    ):
        group.load.cache_clear()  # type: ignore[attr-defined]

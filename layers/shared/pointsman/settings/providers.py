"""Settings of the providers: Railway, OpenRouter, AgentMail, Telnyx. Timeouts are in seconds, of one HTTP call."""

from dataclasses import dataclass, field

from ..errors import MissingSetting
from .environment import read_choice, read_number, read_optional, read_required, read_url
from .secrets import read_required_secret
from .tools import is_tool_configured

__all__ = [
    "AgentMailSettings",
    "OpenRouterSettings",
    "RailwaySettings",
    "TelnyxSettings",
    "load_key_limit",
    "load_railway_environment",
]


def load_railway_environment() -> tuple[str, str, str]:
    """Return the project's id, the environment's id and its name; one of the last two may be empty.

    Raises:
        MissingSetting: The project, or both of the environment's, are not set.
    """
    environment_id, name = read_optional("RAILWAY_ENVIRONMENT_ID"), read_optional("RAILWAY_ENVIRONMENT_NAME")
    if not environment_id and not name:
        raise MissingSetting("RAILWAY_ENVIRONMENT_ID", "or set RAILWAY_ENVIRONMENT_NAME")
    return read_required("RAILWAY_PROJECT_ID"), environment_id, name


@dataclass(frozen=True, slots=True)
class RailwaySettings:
    """Railway. `environment_id` or `environment_name` is set; the other may be empty."""

    token: str = field(repr=False)
    project_id: str
    environment_id: str
    environment_name: str
    runtime_image: str
    url: str
    timeout: float
    """Mutations of more than 30 s are observed; Railway's own CLI waits 90 s."""

    @classmethod
    def load(cls) -> "RailwaySettings":
        """Load them. Raises MissingSetting, InvalidSetting."""
        project_id, environment_id, name = load_railway_environment()
        return cls(
            token=read_required_secret("RAILWAY_API_TOKEN"),
            project_id=project_id,
            environment_id=environment_id,
            environment_name=name,
            runtime_image=read_optional("RAILWAY_RUNTIME_IMAGE", "ghcr.io/xmtplabs/convos-runtime:latest"),
            url=read_url("RAILWAY_API_URL", "https://backboard.railway.com/graphql/v2"),
            timeout=read_number("RAILWAY_TIMEOUT_SECONDS", 45),
        )


def load_key_limit() -> float:
    """Return the spending limit of a new OpenRouter key, in USD. Raises InvalidSetting."""
    return read_number("OPENROUTER_KEY_LIMIT", 20)


@dataclass(frozen=True, slots=True)
class OpenRouterSettings:
    """OpenRouter. `limit` is the spending limit of a new key in USD, `limit_reset` its period, None for no reset."""

    management_key: str = field(repr=False)
    limit: float
    limit_reset: str | None
    url: str
    timeout: float

    @classmethod
    def load(cls) -> "OpenRouterSettings | None":
        """Load them; None if TOOLS does not list the tool. Raises MissingSetting, InvalidSetting."""
        if not is_tool_configured("openrouter"):
            return None
        reset = read_choice("OPENROUTER_KEY_LIMIT_RESET", ("daily", "weekly", "monthly", "none"), "monthly")
        return cls(
            management_key=read_required_secret("OPENROUTER_MANAGEMENT_KEY"),
            limit=load_key_limit(),
            limit_reset=None if reset == "none" else reset,
            url=read_url("OPENROUTER_API_URL", "https://openrouter.ai/api/v1"),
            timeout=_load_provider_timeout(),
        )


@dataclass(frozen=True, slots=True)
class AgentMailSettings:
    """AgentMail. An empty `domain` means the provider's default domain."""

    api_key: str = field(repr=False)
    domain: str
    url: str
    timeout: float

    @classmethod
    def load(cls) -> "AgentMailSettings | None":
        """Load them; None if TOOLS does not list the tool. Raises MissingSetting, InvalidSetting."""
        if not is_tool_configured("agentmail"):
            return None
        return cls(
            api_key=read_required_secret("AGENTMAIL_API_KEY"),
            domain=read_optional("AGENTMAIL_DOMAIN"),
            url=read_url("AGENTMAIL_API_URL", "https://api.agentmail.to/v0"),
            timeout=_load_provider_timeout(),
        )


@dataclass(frozen=True, slots=True)
class TelnyxSettings:
    """Telnyx. An empty `messaging_profile_id` means the profile named `convos-agent`, created on first use."""

    api_key: str = field(repr=False)
    messaging_profile_id: str
    url: str
    timeout: float

    @classmethod
    def load(cls) -> "TelnyxSettings | None":
        """Load them; None if TOOLS does not list the tool. Raises MissingSetting, InvalidSetting."""
        if not is_tool_configured("telnyx"):
            return None
        return cls(
            api_key=read_required_secret("TELNYX_API_KEY"),
            messaging_profile_id=read_optional("TELNYX_MESSAGING_PROFILE_ID"),
            url=read_url("TELNYX_API_URL", "https://api.telnyx.com/v2"),
            timeout=_load_provider_timeout(),
        )


def _load_provider_timeout() -> float:
    return read_number("PROVIDER_TIMEOUT_SECONDS", 20)

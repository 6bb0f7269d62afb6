"""The registry of the tools that an instance can have, in the order of `GET /registry`; a new tool is one entry."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ..settings.tools import is_tool_configured

if TYPE_CHECKING:
    from .base import ToolProvider

__all__ = [
    "TOOLS",
    "ProvisionableTool",
    "describe_tools",
    "explain_unconfigured",
    "get_tool_provider",
    "is_tool_configured",
]


@dataclass(frozen=True, slots=True)
class ProvisionableTool:
    """A tool that an instance can have (not a tool of the model).

    `id`, `name`, `mode` and `env_keys` stand in `GET /registry`.
    """

    id: str
    name: str
    mode: str
    env_keys: tuple[str, ...]
    required_setting: str
    """The variable that holds its provider's key."""
    provider_factory: str
    """`module:function`, relative to this package; the function returns the provider, None if it is not configured."""
    resource_id_pattern: str
    """A regular expression that matches a whole resource id."""
    needs_completion: bool = False
    """Whether a created resource has to be completed once it is listed (`ToolProvider.complete`)."""


TOOLS: dict[str, ProvisionableTool] = {
    tool.id: tool
    for tool in (
        ProvisionableTool(
            id="openrouter",
            name="OpenRouter",
            mode="per-instance-key",
            env_keys=("OPENROUTER_API_KEY",),
            required_setting="OPENROUTER_MANAGEMENT_KEY",
            provider_factory="openrouter:get_provider",
            resource_id_pattern=r"[A-Za-z0-9_-]{1,128}",
        ),
        ProvisionableTool(
            id="agentmail",
            name="AgentMail",
            mode="per-instance-inbox",
            env_keys=("AGENTMAIL_INBOX_ID",),
            required_setting="AGENTMAIL_API_KEY",
            provider_factory="agentmail:get_provider",
            resource_id_pattern=r"[^\s@/\"'<>\\]{1,64}@[A-Za-z0-9.-]{1,253}",
        ),
        ProvisionableTool(
            id="telnyx",
            name="Telnyx",
            mode="per-instance-phone",
            env_keys=("TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"),
            required_setting="TELNYX_API_KEY",
            provider_factory="telnyx.provider:get_provider",
            resource_id_pattern=r"\+[0-9]{3,15}",
            needs_completion=True,
        ),
    )
}


def describe_tools() -> list[dict[str, object]]:
    """The tools as `GET /registry` returns them (contract, Registry)."""
    return [
        {"id": tool.id, "name": tool.name, "mode": tool.mode, "envKeys": list(tool.env_keys)} for tool in TOOLS.values()
    ]


def explain_unconfigured(tool_id: str) -> str:
    """Return what to set so that the tool is configured."""
    return f"TOOLS does not list it; list it, and set {TOOLS[tool_id].required_setting}"


def get_tool_provider(tool_id: str) -> "ToolProvider | None":
    """Return the tool's provider, None if it is not configured. Imports the module of this provider only."""
    module, _, function_name = TOOLS[tool_id].provider_factory.partition(":")
    return cast("ToolProvider | None", getattr(import_module(f".{module}", __package__), function_name)())

"""The tools that an instance can have, in the order in which clients see them. A new provider is one line here."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ..settings.environment import read_optional

if TYPE_CHECKING:
    from .base import ToolProvider

__all__ = ["TOOLS", "ProvisionableTool", "describe_tools", "get_tool_provider", "is_tool_configured"]


@dataclass(frozen=True, slots=True)
class ProvisionableTool:
    """A tool as `GET /registry` shows it.

    `setting` is the environment variable without which it is not configured, `factory` the `module:name` of what builds
    its provider from the settings. `resource_id` is the pattern of its resources' ids.
    """

    id: str
    name: str
    mode: str
    env_keys: tuple[str, ...]
    required_setting: str
    provider_factory: str
    resource_id_pattern: str


TOOLS: dict[str, ProvisionableTool] = {
    tool.id: tool
    for tool in (
        ProvisionableTool(
            "openrouter",
            "OpenRouter",
            "per-instance-key",
            ("OPENROUTER_API_KEY",),
            "OPENROUTER_MANAGEMENT_KEY",
            "openrouter:get_provider",
            r"[A-Za-z0-9_-]{1,128}",
        ),
        ProvisionableTool(
            "agentmail",
            "AgentMail",
            "per-instance-inbox",
            ("AGENTMAIL_INBOX_ID",),
            "AGENTMAIL_API_KEY",
            "agentmail:get_provider",
            r"[^\s@/\"'<>\\]{1,64}@[A-Za-z0-9.-]{1,253}",
        ),
        ProvisionableTool(
            "telnyx",
            "Telnyx",
            "per-instance-phone",
            ("TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"),
            "TELNYX_API_KEY",
            "telnyx.provider:get_provider",
            r"\+[0-9]{3,15}",
        ),
    )
}


def describe_tools() -> list[dict[str, object]]:
    """The tools as clients are told of them (contract, Registry)."""
    return [
        {"id": tool.id, "name": tool.name, "mode": tool.mode, "envKeys": list(tool.env_keys)} for tool in TOOLS.values()
    ]


def is_tool_configured(tool_id: str) -> bool:
    """Whether the tool's provider has credentials. Loads no provider."""
    return bool(read_optional(TOOLS[tool_id].required_setting))


def get_tool_provider(tool_id: str) -> "ToolProvider | None":
    """The tool's provider, or None where it has no credentials. Loads the module of this one provider only."""
    module, _, function_name = TOOLS[tool_id].provider_factory.partition(":")
    return cast("ToolProvider | None", getattr(import_module(f".{module}", __package__), function_name)())

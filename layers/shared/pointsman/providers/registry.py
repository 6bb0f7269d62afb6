"""The tools that an instance can have, in the order in which clients see them. A new provider is one line here."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .base import ToolProvider

__all__ = ["TOOLS", "Tool", "tool_provider"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as `GET /registry` shows it. `factory` is `module:name` of what builds its provider from the settings."""

    id: str
    name: str
    mode: str
    env_keys: tuple[str, ...]
    factory: str


TOOLS: dict[str, Tool] = {
    tool.id: tool
    for tool in (
        Tool("openrouter", "OpenRouter", "per-instance-key", ("OPENROUTER_API_KEY",), "openrouter:configured"),
        Tool("agentmail", "AgentMail", "per-instance-inbox", ("AGENTMAIL_INBOX_ID",), "agentmail:configured"),
        Tool(
            "telnyx",
            "Telnyx",
            "per-instance-phone",
            ("TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"),
            "telnyx:configured",
        ),
    )
}


def tool_provider(tool_id: str) -> "ToolProvider | None":
    """The tool's provider, or None where it has no credentials. Loads the module of this one provider only."""
    module, _, name = TOOLS[tool_id].factory.partition(":")
    return cast("ToolProvider | None", getattr(import_module(f".{module}", __package__), name)())

"""The setting that says which tools an instance can have: TOOLS."""

from ..errors import InvalidSetting
from .environment import read_optional

__all__ = ["TOOL_IDS", "is_tool_configured"]

TOOL_IDS = ("openrouter", "agentmail", "telnyx")
"""The tools that can be configured; `providers.registry` describes them."""


def is_tool_configured(tool_id: str) -> bool:
    """Whether TOOLS lists the tool: several ids with commas between them, or `none`; all by default.

    A setting of its own, so that a function need not be allowed to read a key to know that there is one.

    Raises:
        InvalidSetting: TOOLS names a tool that does not exist.
    """
    text = read_optional("TOOLS", ",".join(TOOL_IDS))
    configured_ids = [] if text == "none" else [part.strip() for part in text.split(",")]
    if not set(configured_ids) <= set(TOOL_IDS):
        raise InvalidSetting("TOOLS", f"some of {', '.join(TOOL_IDS)} with commas between them, or none")
    return tool_id in configured_ids

"""Setting of the MCP server."""

from .environment import read_count

__all__ = ["load_wait_seconds"]

_MAX_WAIT_SECONDS = 840
"""A minute less than the function's timeout."""


def load_wait_seconds() -> float:
    """Return how long a call waits for a prompt before it answers how to go on, in seconds; 50 by default.

    Raises:
        InvalidSetting: MCP_WAIT_SECONDS is no such number.
    """
    return read_count("MCP_WAIT_SECONDS", 50, _MAX_WAIT_SECONDS)

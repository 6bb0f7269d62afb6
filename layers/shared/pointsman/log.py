"""The log: one JSON object per line, through Powertools. Loaded by the first line, as many functions write none."""

from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

__all__ = ["preload", "set_context", "write"]

_context: dict[str, str] = {}


def set_context(**fields: str) -> None:
    """Set the fields of every line of this invocation (request, operation, step). Replaces the previous fields."""
    global _context
    _context = fields


def preload() -> None:
    """Load the logger at start, for functions that always write a line."""
    _get_logger()


def write(level: Literal["info", "warning", "error"], message: str, **fields: object) -> None:
    """Write a line.

    Args:
        level: The line's level.
        message: A fixed text.
        **fields: Further keys of the line. Never a secret, nor the text of a foreign error, which may hold one.
    """
    getattr(_get_logger(), level)(message, extra={**_context, **fields})


@cache
def _get_logger() -> "Logger":
    from aws_lambda_powertools import Logger

    return Logger(service="pointsman")

"""The log: one JSON object a line, through Powertools. Loaded by the first line, since many functions write none."""

from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

__all__ = ["preload", "set_context", "write"]

_context: dict[str, str] = {}


def set_context(**fields: str) -> None:
    """What every line of this invocation is about: request, operation, step. Replaces what the last one was about."""
    global _context
    _context = fields


def preload() -> None:
    """Load what the first line would; for functions that always write one."""
    _get_logger()


def write(level: Literal["info", "warning", "error"], message: str, **fields: object) -> None:
    """Write a line. `facts` become keys of it; never a secret, nor a foreign error's text, which may hold one."""
    getattr(_get_logger(), level)(message, extra={**_context, **fields})


@cache
def _get_logger() -> "Logger":
    from aws_lambda_powertools import Logger

    return Logger(service="pointsman")

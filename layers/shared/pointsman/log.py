"""The log: one JSON object a line, through Powertools. Loaded by the first line, since many functions write none."""

from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

__all__ = ["about", "load", "say"]

_about: dict[str, str] = {}


def about(**keys: str) -> None:
    """What every line of this invocation is about: request, operation, step. Replaces what the last one was about."""
    global _about
    _about = keys


def load() -> None:
    """Load what the first line would; for functions that always write one."""
    _logger()


def say(level: Literal["info", "warning", "error"], message: str, **facts: object) -> None:
    """Write a line. `facts` become keys of it; never a secret, nor a foreign error's text, which may hold one."""
    getattr(_logger(), level)(message, extra={**_about, **facts})


@cache
def _logger() -> "Logger":
    from aws_lambda_powertools import Logger

    return Logger(service="pointsman")

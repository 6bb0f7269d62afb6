"""Access to the environment variables: text, numbers, choices, addresses."""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from ..errors import InvalidSetting, MissingSetting

__all__ = [
    "read_choice",
    "read_count",
    "read_from",
    "read_limit",
    "read_number",
    "read_optional",
    "read_required",
    "read_url",
]

Choice = TypeVar("Choice", bound=str)

_environment: ContextVar[Mapping[str, str]] = ContextVar("environment", default=os.environ)


@contextmanager
def read_from(environment: Mapping[str, str]) -> Generator[None]:
    """Read these variables in place of the process's own in this block, as the local runner does for its functions."""
    token = _environment.set(environment)
    try:
        yield
    finally:
        _environment.reset(token)


def read_optional(name: str, default: str = "") -> str:
    """Return the variable's value without surrounding white space, or the default if it is unset or empty."""
    return _environment.get().get(name, "").strip() or default


def read_required(name: str, hint: str = "") -> str:
    """Return the variable's value without surrounding white space.

    Args:
        name: The environment variable.
        hint: Added to the message of the error: what the value is for, or what may be set instead.

    Raises:
        MissingSetting: The variable is unset or empty.
    """
    value = read_optional(name)
    if not value:
        raise MissingSetting(name, hint)
    return value


def read_number(name: str, default: float) -> float:
    """Return the variable's value as a finite number of at least 0, or the default if it is unset or empty.

    Raises:
        InvalidSetting: The value is no such number.
    """
    text = read_optional(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InvalidSetting(name, f"a number of at least 0, not {text[:20]!r}")
    return value


def read_count(name: str, default: int, max_value: int | None = None) -> int:
    """Return the variable's value as a whole number of at least 1, or the default if it is unset or empty.

    Args:
        name: The environment variable.
        default: Its value if it is unset.
        max_value: The highest value; None for any.

    Raises:
        InvalidSetting: The value is no such number.
    """
    value = read_number(name, default)
    if value < 1 or value % 1 or value > (max_value or value):
        bounds = f"of at least 1 and at most {max_value}" if max_value else "of at least 1"
        raise InvalidSetting(name, f"a whole number {bounds}, not {read_optional(name)[:20]!r}")
    return int(value)


def read_limit(name: str, default: int) -> int | None:
    """Return the variable's value as a whole number, None (no limit) for `off` or 0, or the default if it is empty.

    Raises:
        InvalidSetting: The value is no such number.
    """
    if read_optional(name) == "off":
        return None
    try:
        value = read_number(name, default)
    except InvalidSetting:
        value = 0.5
    if value % 1:
        raise InvalidSetting(name, f"a whole number, or off for no limit, not {read_optional(name)[:20]!r}")
    return int(value) or None


def read_choice(name: str, choices: Sequence[Choice], default: Choice) -> Choice:
    """Return the variable's value, one of the choices, or the default if it is unset or empty.

    Raises:
        InvalidSetting: The value is not one of the choices.
    """
    value = read_optional(name, default)
    for choice in choices:
        if value == choice:
            return choice
    raise InvalidSetting(name, f"one of {', '.join(choices)}")


def read_url(name: str, default: str = "") -> str:
    """Return the variable's value, an http or https address, or the default if it is unset or empty.

    Raises:
        MissingSetting: It is unset or empty, and there is no default.
        InvalidSetting: The value is no such address. The message does not repeat it: it may hold a credential.
    """
    url = read_optional(name, default) or read_required(name)
    if not _is_http_url(url):
        raise InvalidSetting(name, "an address that begins with https:// or http://")
    return url


def _is_http_url(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        # The port is parsed when it is read.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

"""Reading the environment: text, what is required, numbers."""

import os

from ..errors import MissingSetting

__all__ = ["read_number", "read_optional", "read_required"]


def read_optional(name: str, default: str = "") -> str:
    """The variable's value, or the default where it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def read_required(name: str, hint: str = "") -> str:
    value = read_optional(name)
    if not value:
        raise MissingSetting(name, hint)
    return value


def read_number(name: str, default: float) -> float:
    text = read_optional(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise MissingSetting(name, f"a number of at least 0 is needed, not {text[:20]!r}")
    return value

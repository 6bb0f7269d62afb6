"""Access to parsed JSON and YAML without casts: what has another type than expected counts as empty."""

from typing import Any, cast


def mapping_or_empty(value: object) -> dict[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_or_empty(value: object) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def scalar_to_text(value: object) -> str:
    """Return a scalar as text, with booleans as JSON and YAML spell them: `true` and `false`."""
    return str(value).lower() if isinstance(value, bool) else str(value)

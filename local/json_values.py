"""Parsed YAML and JSON under types: a mapping or a list where one is expected, and an empty one where there is none."""

from typing import Any, cast


def mapping_or_empty(value: object) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_or_empty(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []

"""Reading answers that may hold anything: a missing or odd member becomes an empty value, never an exception."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

__all__ = ["JsonObject", "as_datetime", "as_number", "as_object", "as_objects", "as_text"]

JsonObject = Mapping[str, object]
"""A JSON object as it was parsed."""

_EMPTY: JsonObject = {}


def as_object(value: object) -> JsonObject:
    """The value if it is a JSON object, else an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else _EMPTY


def as_objects(value: object) -> list[JsonObject]:
    """The JSON objects in the value if it is an array, else none."""
    if not isinstance(value, list):
        return []
    return [cast("JsonObject", one) for one in cast("list[object]", value) if isinstance(one, dict)]


def as_text(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def as_number(value: object) -> float | None:
    """The value if it is a number (a boolean is none), else None."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def as_datetime(value: object) -> datetime | None:
    """The time that an ISO 8601 string names, in UTC where it names no zone; None for anything else."""
    try:
        time = datetime.fromisoformat(as_text(value))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)

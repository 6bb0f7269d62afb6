"""Lenient access to untrusted JSON: a missing or unexpected member becomes an empty value, never an exception."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

__all__ = ["JsonObject", "as_datetime", "as_number", "as_object", "as_objects", "as_rows", "as_text"]

JsonObject = Mapping[str, object]
"""A parsed JSON object."""

_EMPTY: JsonObject = {}


def as_object(value: object) -> JsonObject:
    """Return the value if it is a JSON object, else an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else _EMPTY


def as_objects(value: object) -> list[JsonObject]:
    """Return the JSON objects in the value if it is an array, else an empty list."""
    if not isinstance(value, list):
        return []
    return [cast("JsonObject", item) for item in cast("list[object]", value) if isinstance(item, dict)]


def as_rows(value: object, *keys: str) -> list[JsonObject] | None:
    """Return the value if it is an array of JSON objects that have text under each of these keys, else None."""
    rows = as_objects(value)
    if not isinstance(value, list) or len(rows) != len(cast("list[object]", value)):
        return None
    return rows if all(as_text(row.get(key)) for row in rows for key in keys) else None


def as_text(value: object) -> str:
    """Return the value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def as_number(value: object) -> float | None:
    """Return the value if it is a number and no boolean, else None."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def as_datetime(value: object) -> datetime | None:
    """Return the time of an ISO 8601 string, in UTC if it names no zone; None for anything else."""
    try:
        time = datetime.fromisoformat(as_text(value))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)

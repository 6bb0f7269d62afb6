"""Reading answers that may hold anything: a missing or odd member becomes an empty value, never an exception."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

__all__ = ["Json", "mapping", "mappings", "moment", "number", "text"]

Json = Mapping[str, object]
"""A JSON object as it was parsed."""

_EMPTY: Json = {}


def mapping(value: object) -> Json:
    """The value if it is a JSON object, else an empty one."""
    return cast("Json", value) if isinstance(value, dict) else _EMPTY


def mappings(value: object) -> list[Json]:
    """The JSON objects in the value if it is an array, else none."""
    if not isinstance(value, list):
        return []
    return [cast("Json", one) for one in cast("list[object]", value) if isinstance(one, dict)]


def text(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """The value if it is a number (a boolean is none), else None."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment(value: object) -> datetime | None:
    """The time that an ISO 8601 string names, in UTC where it names no zone; None for anything else."""
    try:
        time = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)

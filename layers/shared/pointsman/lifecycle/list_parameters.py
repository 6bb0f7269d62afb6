"""Parameters of the Services API's lists: texts of a query that become filters, limits and cursors."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from ..errors import InvalidInput
from ..list_cursor import ListCursor, parse_cursor

__all__ = [
    "ID_PATTERN",
    "MAX_LIMIT",
    "PageRequest",
    "parse_choice",
    "parse_count",
    "parse_id",
    "parse_page_request",
    "parse_time",
]

MAX_LIMIT = 200
"""The most items of a page."""

_DEFAULT_LIMIT = 50
ID_PATTERN = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,256}")
"""What an id among the filters must match in full."""


class PageRequest(NamedTuple):
    """Which page is asked for: what comes after `after`, at most `limit` items."""

    after: ListCursor | None
    limit: int


def parse_page_request(cursor: str | None, limit: str | None) -> PageRequest:
    """Read the parameters `cursor` and `limit`. Raises InvalidInput."""
    after = None if cursor is None else parse_cursor(cursor)
    if cursor is not None and after is None:
        raise InvalidInput("cursor must be the nextCursor of a page of this list")
    return PageRequest(after, _DEFAULT_LIMIT if limit is None else parse_count("limit", limit, MAX_LIMIT))


def parse_count(name: str, value: str, maximum: int) -> int:
    """Read a parameter that is a whole number from 1 to `maximum`. Raises InvalidInput."""
    if not re.fullmatch("[0-9]{1,9}", value) or not 1 <= int(value) <= maximum:
        raise InvalidInput(f"{name} must be a whole number from 1 to {maximum}")
    return int(value)


def parse_choice(name: str, value: str | None, choices: tuple[str, ...]) -> str | None:
    """Read a parameter that must be one of the choices; None if it is not given. Raises InvalidInput."""
    if value is not None and value not in choices:
        raise InvalidInput(f"{name} must be one of {', '.join(choices)}")
    return value


def parse_id(name: str, value: str | None) -> str | None:
    """Read a parameter that is an id, or the beginning of one; None if it is not given. Raises InvalidInput."""
    if value is None:
        return None
    if not ID_PATTERN.fullmatch(value) or re.search("[\ud800-\udfff]", value):
        raise InvalidInput(f"{name} must be an id of at most 256 characters, without control characters")
    return value


def parse_time(name: str, value: str | None) -> datetime | None:
    """Read a parameter that is a time, in UTC; None if it is not given. Raises InvalidInput."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(f"{name} must be a time in ISO 8601 with its offset, like 2026-01-31T12:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        # In UTC it is before the year 1 or after 9999.
        return moment.replace(tzinfo=UTC)

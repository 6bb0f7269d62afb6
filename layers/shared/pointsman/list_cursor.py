"""Cursors of lists: the last item of a page, so that a list is stable while items are added and removed."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

__all__ = ["CURSOR_PATTERN", "ListCursor", "format_cursor", "parse_cursor"]

CURSOR_PATTERN = re.compile(r"([0-9]{1,11})\.([0-9]{6})_([A-Za-z0-9_-]{1,700})")
"""What a cursor must match in full; to a client it is opaque."""


class ListCursor(NamedTuple):
    """The time and the id of a page's last item; the next page begins after it."""

    at: datetime
    id: str


def format_cursor(cursor: ListCursor) -> str:
    """Write the cursor as a client gets it; it needs no encoding in a URL."""
    whole = cursor.at - datetime.fromtimestamp(0, UTC)
    encoded_id = base64.urlsafe_b64encode(cursor.id.encode()).decode().rstrip("=")
    return f"{whole // timedelta(seconds=1)}.{whole.microseconds:06d}_{encoded_id}"


def parse_cursor(text: str) -> ListCursor | None:
    """Read a cursor of `format_cursor`; None if the text is not one."""
    match = CURSOR_PATTERN.fullmatch(text)
    if match is None:
        return None
    try:
        last_id = base64.urlsafe_b64decode(match[3] + "=" * (-len(match[3]) % 4)).decode()
    except ValueError:
        return None
    at = datetime.fromtimestamp(int(match[1]), UTC) + timedelta(microseconds=int(match[2]))
    return None if "\0" in last_id else ListCursor(at, last_id)

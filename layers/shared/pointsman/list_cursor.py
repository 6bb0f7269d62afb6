"""Cursors of lists: the last item of a page, so that a list is stable while items are added and removed."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

__all__ = ["CURSOR_PATTERN", "ListCursor", "format_cursor", "parse_cursor"]

CURSOR_PATTERN = re.compile(r"([0-9]{1,11})\.([0-9]{6})_((?:[0-9a-f]{2}){1,1024})")
"""What a cursor must match in full; to a client it is opaque."""


class ListCursor(NamedTuple):
    """The time and the id of a page's last item; the next page begins after it."""

    at: datetime
    id: str


def format_cursor(cursor: ListCursor) -> str:
    """Write the cursor as a client gets it; it needs no encoding in a URL."""
    whole = cursor.at - datetime.fromtimestamp(0, UTC)
    return f"{whole // timedelta(seconds=1)}.{whole.microseconds:06d}_{cursor.id.encode().hex()}"


def parse_cursor(text: str) -> ListCursor | None:
    """Read a cursor; None if the text does not match `CURSOR_PATTERN`. Every text that does is a place in the list."""
    match = CURSOR_PATTERN.fullmatch(text)
    if match is None:
        return None
    at = datetime.fromtimestamp(int(match[1]), UTC) + timedelta(microseconds=int(match[2]))
    last_id = bytes.fromhex(match[3]).decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return ListCursor(at, last_id)

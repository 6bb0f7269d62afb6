"""Cursors of lists: where a page ends, as a time and an id, so that writes in between move nothing."""

import re
from datetime import UTC, datetime, timedelta

__all__ = ["cursor_pattern", "format_cursor", "parse_cursor"]

_TIME_PATTERN = r"[0-9]{1,11}\.[0-9]{6}"
_EPOCH = datetime.fromtimestamp(0, UTC)


def cursor_pattern(id_pattern: str) -> str:
    """Return the regular expression that a cursor matches in full, for ids that match `id_pattern`."""
    return f"{_TIME_PATTERN}_(?:{id_pattern})"


def format_cursor(moment: datetime, element_id: str) -> str:
    """Return the cursor of a page whose last element has this time, to the microsecond, and this id."""
    since = moment - _EPOCH
    return f"{since // timedelta(seconds=1)}.{since.microseconds:06d}_{element_id}"


def parse_cursor(cursor: str, id_pattern: str) -> tuple[datetime, str] | None:
    """Return the time and the id of a cursor; None if it is none."""
    if not re.fullmatch(cursor_pattern(id_pattern), cursor):
        return None
    time, _, element_id = cursor.partition("_")
    seconds, _, microseconds = time.partition(".")
    return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(microseconds)), element_id

"""The number of instances by status over time, for a client: a bounded number of points, however long the time is."""

from datetime import UTC, datetime, timedelta

from ..db import fleet_history
from ..db.connection import get_database_time, run_in_transaction
from ..db.fleet_history import INTERVAL_SECONDS, HistoryPoint
from ..timestamps import format_timestamp
from .list_parameters import parse_count, parse_time

__all__ = ["MAX_POINTS", "read_history"]

MAX_POINTS = 500
"""The most points of a response."""

_DEFAULT_POINTS = 288
_DEFAULT_RANGE = timedelta(days=1)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def read_history(start: str | None = None, end: str | None = None, points: str | None = None) -> dict[str, object]:
    """Read the fleet's totals by status, the oldest first.

    Args:
        start: a time in ISO 8601, included; by default a day before the end.
        end: a time in ISO 8601, not included; by default now. There is no point before the start.
        points: how many points at most, 1 to `MAX_POINTS`; 288 by default.

    Returns:
        `from`, `to`, `stepSeconds`: the time between two points, and `points` with `at` and `totals`. A point is
        missing where nothing was recorded: the status poller did not run, or Railway did not answer.

    Raises:
        InvalidInput: a value is wrong; the message says what it must be.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    first, last = parse_time("from", start), parse_time("to", end)
    count = _DEFAULT_POINTS if points is None else parse_count("points", points, MAX_POINTS)
    last = last or run_in_transaction(get_database_time)
    first = first or max(last, _EARLIEST + _DEFAULT_RANGE) - _DEFAULT_RANGE
    step = _choose_step(max(last - first, timedelta(seconds=INTERVAL_SECONDS)), count)
    found = run_in_transaction(fleet_history.list_points, first, last, step)
    return {
        "from": format_timestamp(first),
        "to": format_timestamp(last),
        "stepSeconds": step,
        "points": [_serialize(point) for point in found],
    }


def _choose_step(length: timedelta, count: int) -> int:
    """Return the shortest step in seconds, a multiple of the interval, of which the time has at most `count`."""
    interval = timedelta(seconds=INTERVAL_SECONDS)
    return -(-length // (interval * count)) * INTERVAL_SECONDS


def _serialize(point: HistoryPoint) -> dict[str, object]:
    totals = sorted(point.counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        "at": format_timestamp(point.at),
        "totals": [{"status": status, "count": count} for status, count in totals],
    }

"""The table `fleet_history`: the number of instances by status over time, a row for every five minutes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from .connection import Connection
from .rows import fetch_all

__all__ = ["INTERVAL_SECONDS", "HistoryPoint", "delete_past", "list_points", "record"]

INTERVAL_SECONDS = 300
"""The time between two rows, in seconds."""

_MAX_DELETED = 5000


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """A row of `fleet_history`: how many instances had each status then. Without instances `counts` is empty."""

    at: datetime
    counts: dict[str, int]


def record(connection: Connection, counts: Mapping[str, int]) -> bool:
    """Record the counts of now, unless these five minutes have some; return whether they were recorded."""
    cursor = connection.execute(
        "INSERT INTO fleet_history (at, counts) VALUES (date_bin(make_interval(secs => %s), now(), 'epoch'), %s)"
        " ON CONFLICT (at) DO NOTHING",
        (INTERVAL_SECONDS, Jsonb(dict(counts))),
    )
    return cursor.rowcount == 1


def list_points(connection: Connection, start: datetime, end: datetime, step_seconds: int) -> list[HistoryPoint]:
    """Return the last row of each step from `start` (included) to `end` (not included), the oldest first."""
    return fetch_all(
        connection,
        HistoryPoint,
        "SELECT DISTINCT ON (date_bin(make_interval(secs => %(step)s), at, %(start)s)) at, counts FROM fleet_history"
        " WHERE at >= %(start)s AND at < %(end)s"
        " ORDER BY date_bin(make_interval(secs => %(step)s), at, %(start)s), at DESC",
        {"step": step_seconds, "start": start, "end": end},
    )


def delete_past(connection: Connection, period: float) -> int:
    """Delete a batch of rows that are older than the period, in seconds; return how many."""
    return connection.execute(
        "DELETE FROM fleet_history WHERE at = ANY(ARRAY(SELECT at FROM fleet_history"
        " WHERE at < now() - make_interval(secs => %s) ORDER BY at LIMIT %s))",
        (period, _MAX_DELETED),
    ).rowcount

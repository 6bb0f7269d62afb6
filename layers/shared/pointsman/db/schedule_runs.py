"""The table `schedule_runs`: the last run of each schedule, and when one succeeded last."""

from dataclasses import dataclass
from datetime import datetime

from .connection import Connection
from .rows import fetch_all, to_text

__all__ = ["ScheduleRun", "begin", "end", "list_all"]


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """A row of `schedule_runs`: the last run that has started, with its age and that of the last success.

    `ended_at` is None while it runs, and stays so if its process was killed. `error` is None unless it failed.
    """

    name: str
    started_at: datetime
    ended_at: datetime | None
    error: str | None
    succeeded_at: datetime | None
    seconds_since_first_start: float
    seconds_since_start: float
    seconds_since_success: float | None


def begin(connection: Connection, name: str) -> datetime:
    """Record that a run of the schedule begins, and return when; it identifies the run."""
    row = connection.execute(
        "INSERT INTO schedule_runs (name) VALUES (%s) ON CONFLICT (name) DO UPDATE"
        " SET started_at = clock_timestamp(), ended_at = NULL, error = NULL RETURNING started_at",
        (name,),
    ).fetchone()
    assert row is not None
    return row["started_at"]


def end(connection: Connection, name: str, started_at: datetime, error: str | None) -> None:
    """Record the end of a run; `error` is why it failed. Does nothing if a later run has started."""
    connection.execute(
        "UPDATE schedule_runs SET ended_at = clock_timestamp(), error = %(error)s,"
        " succeeded_at = CASE WHEN %(error)s::text IS NULL THEN clock_timestamp() ELSE succeeded_at END"
        " WHERE name = %(name)s AND started_at = %(started_at)s",
        {"name": name, "started_at": started_at, "error": None if error is None else to_text(error)},
    )


def list_all(connection: Connection) -> list[ScheduleRun]:
    """Return the last run of each schedule that has ever run."""
    return fetch_all(
        connection,
        ScheduleRun,
        "SELECT name, started_at, ended_at, error, succeeded_at,"
        " extract(epoch FROM clock_timestamp() - known_since)::float8 AS seconds_since_first_start,"
        " extract(epoch FROM clock_timestamp() - started_at)::float8 AS seconds_since_start,"
        " extract(epoch FROM clock_timestamp() - succeeded_at)::float8 AS seconds_since_success FROM schedule_runs",
    )

"""Details of the stack's health: the schedules' last runs, the providers' failures of late, and versions.

All of it is read from the database; nobody else is asked.
"""

import sys
from collections.abc import Mapping
from typing import Literal, NamedTuple

from .. import __version__
from ..db import provider_steps, schedule_runs, schema_revision
from ..db.connection import Connection, run_in_transaction
from ..db.provider_steps import ProviderSteps
from ..db.schedule_runs import ScheduleRun
from ..providers.registry import TOOLS
from ..timestamps import format_optional_timestamp

__all__ = ["SCHEDULES", "Schedule", "ScheduleName", "read_details"]

_HOURS = 24
"""The time of which steps are counted."""

_MAX_RUN_SECONDS = 900
"""No function runs for longer, so a run that has not ended by then was interrupted."""


class Schedule(NamedTuple):
    """How often a schedule runs, and after how long without a success it is overdue, in seconds."""

    interval: int
    overdue_after: int


ScheduleName = Literal["status_poller", "reconciler", "prompt_recovery", "retention", "webhook_delivery"]

SCHEDULES: Mapping[ScheduleName, Schedule] = {
    "status_poller": Schedule(60, 600),
    "reconciler": Schedule(300, 1200),
    "prompt_recovery": Schedule(60, 600),
    "retention": Schedule(3600, 10800),
    "webhook_delivery": Schedule(60, 600),
}
"""The schedules of template.yaml. Each is overdue when its alarm says so."""


def read_details() -> dict[str, object]:
    """Read the details as JSON.

    Returns:
        `versions` of the bundle, Python and the schema; `schedules`, each with its last run; `providers`, each with the
        steps that have called it within `hours`, and how many of them failed.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    providers = ("railway", *TOOLS)

    def load(db: Connection) -> tuple[str | None, list[ScheduleRun], list[ProviderSteps]]:
        recent = provider_steps.count_recent(db, providers, _HOURS * 3600.0)
        return schema_revision.get_revision(db), schedule_runs.list_all(db), recent

    revision, runs, recent = run_in_transaction(load)
    runs_by_name = {run.name: run for run in runs}
    observed = max((run.seconds_since_first_start for run in runs), default=0.0)
    steps_by_provider = {steps.provider: steps for steps in recent}
    return {
        "versions": {"bundle": __version__, "python": ".".join(map(str, sys.version_info[:3])), "schema": revision},
        "schedules": [_serialize_schedule(name, runs_by_name.get(name), observed) for name in SCHEDULES],
        "hours": _HOURS,
        "providers": [_serialize_provider(provider, steps_by_provider.get(provider)) for provider in providers],
    }


def _serialize_schedule(name: ScheduleName, run: ScheduleRun | None, observed: float) -> dict[str, object]:
    """Serialize a schedule with its last run.

    Args:
        name: of the schedule.
        run: its last run; None if it never ran.
        observed: seconds since the first run of any schedule. One that never succeeded is overdue only after that long.
    """
    schedule = SCHEDULES[name]
    age = run.seconds_since_success if run else None
    return {
        "name": name,
        "everySeconds": schedule.interval,
        "outcome": run and _get_outcome(run),
        "startedAt": format_optional_timestamp(run.started_at) if run else None,
        "endedAt": format_optional_timestamp(run.ended_at) if run else None,
        "succeededAt": format_optional_timestamp(run.succeeded_at) if run else None,
        "error": run and run.error,
        "isOverdue": (observed if age is None else age) > schedule.overdue_after,
    }


def _get_outcome(run: ScheduleRun) -> str:
    if run.ended_at is None:
        return "running" if run.seconds_since_start <= _MAX_RUN_SECONDS else "interrupted"
    return "succeeded" if run.error is None else "failed"


def _serialize_provider(provider: str, steps: ProviderSteps | None) -> dict[str, object]:
    return {
        "provider": provider,
        "steps": steps.steps if steps else 0,
        "failed": steps.failed if steps else 0,
        "lastFailure": {
            "at": format_optional_timestamp(steps.last_failed_at),
            "step": steps.last_step,
            "operationId": steps.last_operation_id,
            "error": steps.last_error,
        }
        if steps and steps.failed
        else None,
    }

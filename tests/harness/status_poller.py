"""Runs of the status poller, with their results and log lines; rows of instances to run it on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack

from .database import Database
from .function_logs import ScheduledRun, run_schedule
from .simulator import called_operations

FUNCTION = "StatusPollerFunction"
DEFAULT_AGE = "1 hour"


@dataclass(frozen=True)
class PollRun(ScheduledRun):
    """One run of the status poller."""

    @property
    def instances_by_status(self) -> dict[str, float]:
        """The metric `Instances` by its dimension."""
        return {line["status"]: line["Instances"] for line in self.metrics if "Instances" in line}


def run_status_poller(stack: Stack) -> PollRun:
    """Fire the schedule, and wait for the last line of the run's log."""
    run = run_schedule(stack, FUNCTION)
    return PollRun(run.result, run.log_lines)


def insert_instances(
    db: Database, service_ids: Sequence[str], *, prefix: str = "i", age: str = DEFAULT_AGE, **columns: str | None
) -> list[str]:
    """Insert an instance for each service, created and updated `age` ago (a Postgres interval); returns their ids."""
    infra = {"provider_env_id": "sim-environment", "deploy_status": "DEPLOYING", **columns}
    names = ", ".join(infra)
    ids = [f"{prefix}-{number:05d}" for number in range(1, len(service_ids) + 1)]
    db.execute(
        f"INSERT INTO instance_infra (instance_id, provider_service_id, created_at, updated_at, {names})"
        " SELECT instance_id, service_id, now() - %s::interval, now() - %s::interval,"
        f" {', '.join(['%s'] * len(infra))} FROM unnest(%s::text[], %s::text[]) AS t (instance_id, service_id)",
        (age, age, *infra.values(), ids, list(service_ids)),
    )
    return ids


def instance_rows(db: Database) -> dict[str, dict[str, Any]]:
    """All rows by instance id."""
    return {row["instance_id"]: row for row in db.execute("SELECT * FROM instance_infra").fetchall()}


def instance_row(db: Database, instance_id: str) -> dict[str, Any]:
    return instance_rows(db)[instance_id]


def deploy_status(db: Database, instance_id: str) -> str | None:
    return instance_row(db, instance_id)["deploy_status"]


def count_environment_pages(simulator: SimulatorClient) -> int:
    """How many pages of Railway's environment were requested."""
    return called_operations(simulator, "railway").count("environment")

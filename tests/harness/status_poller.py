"""Runs of the status poller, with their results and log lines; rows of instances to run it on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.lambda_service.invocation import InvocationResult
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack

from .database import Database
from .simulator import called_operations
from .wait import wait_until

FUNCTION = "StatusPollerFunction"
DEFAULT_AGE = "1 hour"
_FINAL_MESSAGES = ("run done", "run failed", "run broke off")


@dataclass(frozen=True)
class PollRun:
    """One run: its invocation's result, and the JSON lines that it logged."""

    result: InvocationResult
    log_lines: list[dict[str, Any]]

    @property
    def counts(self) -> dict[str, int]:
        assert self.result.error is None, self.result.payload
        return json.loads(self.result.payload)

    @property
    def warnings(self) -> list[dict[str, Any]]:
        return [line for line in self.log_lines if line.get("level") == "WARNING"]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [line for line in self.log_lines if "_aws" in line]

    @property
    def instances_by_status(self) -> dict[str, float]:
        """The metric `Instances` by its dimension."""
        return {line["status"]: line["Instances"] for line in self.metrics if "Instances" in line}

    def metric_value(self, name: str) -> float:
        return next(line[name] for line in self.metrics if name in line)


def run_status_poller(stack: Stack) -> PollRun:
    """Fire the schedule, and wait for the last line of the run's log."""
    path = Path(stack.settings.data) / "logs" / f"{FUNCTION}.log"
    log_size_before = path.stat().st_size if path.exists() else 0
    result = stack.fire_schedule(FUNCTION)

    def read_log_lines() -> list[dict[str, Any]] | None:
        text = path.read_bytes()[log_size_before:].decode()
        # Each line is a timestamp, a request id, and what the function printed.
        parts = [line.split(" ", 2)[2] for line in text.splitlines() if line.count(" ") >= 2]
        lines = [json.loads(part) for part in parts if part.startswith("{")]
        return lines if any(line.get("message") in _FINAL_MESSAGES for line in lines) else None

    return PollRun(result, wait_until(read_log_lines))


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

"""Firing the status poller in tests, and what it has left: its answer, its metrics, the rows."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.invocation import Result
from local.simulator.client import SimulatorClient
from local.stack import Stack

from .helpers import Database, until

FUNCTION = "StatusPollerFunction"
OLD = "1 hour"
_LAST_WORDS = ("run done", "run failed", "run broke off")


@dataclass(frozen=True)
class Poll:
    """One run: its result, and the JSON lines that it logged."""

    result: Result
    lines: list[dict[str, Any]]

    @property
    def counts(self) -> dict[str, int]:
        assert self.result.error is None, self.result.payload
        return json.loads(self.result.payload)

    @property
    def warnings(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("level") == "WARNING"]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "_aws" in line]

    @property
    def by_status(self) -> dict[str, float]:
        """The metric `Instances` by its dimension."""
        return {line["status"]: line["Instances"][0] for line in self.metrics if "Instances" in line}

    def metric(self, name: str) -> float:
        return next(line[name][0] for line in self.metrics if name in line)


def poll(stack: Stack) -> Poll:
    """Fire the schedule, and wait for the last line of its log."""
    path = Path(stack.settings.data) / "logs" / f"{FUNCTION}.log"
    before = path.stat().st_size if path.exists() else 0
    result = stack.fire_schedule(FUNCTION)

    def logged() -> list[dict[str, Any]] | None:
        text = path.read_bytes()[before:].decode()
        # Each line is a time, a request id, and what the function has printed.
        parts = [line.split(" ", 2)[2] for line in text.splitlines() if line.count(" ") >= 2]
        lines = [json.loads(part) for part in parts if part.startswith("{")]
        return lines if any(line.get("message") in _LAST_WORDS for line in lines) else None

    return Poll(result, until(logged))


def seed_rows(
    db: Database, service_ids: Sequence[str], *, prefix: str = "i", age: str = OLD, **columns: str | None
) -> list[str]:
    """A row of an instance for each of these services, written so long ago; returns the instance ids."""
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


def rows(db: Database) -> dict[str, dict[str, Any]]:
    """All rows by instance id."""
    return {row["instance_id"]: row for row in db.execute("SELECT * FROM instance_infra").fetchall()}


def row(db: Database, instance_id: str) -> dict[str, Any]:
    return rows(db)[instance_id]


def status(db: Database, instance_id: str) -> str | None:
    return row(db, instance_id)["deploy_status"]


def set_status(simulator: SimulatorClient, service_id: str, status: str) -> None:
    """Force the status of the service's newest deployment."""
    deployments = simulator.state()["railway"]["deployments"].values()
    own = [one for one in deployments if one["service_id"] == service_id]
    simulator.set_deployment(max(own, key=lambda one: one["created_at"])["id"], status)


def pages_read(simulator: SimulatorClient) -> int:
    """How often a page of the environment has been asked for."""
    return len([call for call in simulator.calls() if (call.provider, call.operation) == ("railway", "environment")])


def until_blocked(db: Database) -> None:
    """Wait until a function waits for a lock."""
    query = "SELECT FROM pg_stat_activity WHERE application_name = 'pointsman' AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 20
    while db.execute(query).fetchone() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)

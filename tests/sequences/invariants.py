"""What must hold at rest: every resource belongs to a live instance, and every live instance has its own."""

from collections import Counter
from typing import Any

import httpx

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database
from tests.harness.wait import wait_until

RESOURCE_KIND = {"openrouter": "key", "agentmail": "inbox", "telnyx": "number"}


def reconcile_until_settled(stack: Stack, db: Database, timeout: float = 90) -> None:
    """Fire the reconciler until no operation is running or leaked."""

    def is_settled() -> bool:
        rows = db.execute("SELECT status FROM operations WHERE status IN ('running', 'leaked')").fetchall()
        if rows:
            result = stack.fire_schedule("ReconcilerFunction")
            assert result.error is None, result.payload
        return not rows

    wait_until(is_settled, timeout)


def find_violations(simulator: SimulatorClient, db: Database) -> list[str]:
    """Describe each violation; an empty list if all invariants hold.

    An intended volume or domain of a live instance may stay open: both are best effort, and a create goes on without.
    """
    violations: list[str] = []
    instances = {row["instance_id"]: row for row in db.execute("SELECT * FROM instance_infra").fetchall()}
    tools = db.execute("SELECT * FROM instance_services").fetchall()
    leftovers = simulator.list_leftovers()
    numbers = {leftover.name: leftover.id for leftover in leftovers if leftover.kind == "number"}
    expected = Counter[tuple[str, str]]()
    for row in instances.values():
        expected[("service", row["provider_service_id"])] += 1
        if row["volume_id"]:
            expected[("volume", row["volume_id"])] += 1
    for row in tools:
        resource = numbers.get(row["resource_id"]) if row["tool_id"] == "telnyx" else row["resource_id"]
        expected[(RESOURCE_KIND[row["tool_id"]], str(resource))] += 1
    found = Counter((leftover.kind, leftover.id) for leftover in leftovers if leftover.kind != "order")
    violations += [f"leaked: {kind} {resource}" for kind, resource in (found - expected)]
    violations += [f"missing: {kind} {resource}" for kind, resource in (expected - found)]
    violations += [f"two instances use {kind} {resource}" for (kind, resource), count in expected.items() if count > 1]
    open_entries = db.execute(
        "SELECT instance_id, provider, kind, resource_id, state FROM operation_resources"
        " WHERE state IN ('intended', 'created')"
    ).fetchall()
    for entry in open_entries:
        if entry["instance_id"] not in instances:
            violations.append(f"open entry of no instance: {entry}")
        elif entry["state"] == "intended" and entry["kind"] not in ("volume", "domain"):
            violations.append(f"intended for ever: {entry}")
    return violations


GATEWAY_ERRORS = [{"message": "Internal Server Error"}, {"message": "Service Unavailable"}]
"""What an HTTP API answers itself, which cannot be changed, where the process of a function ends or is silent."""


def parse_response(response: httpx.Response) -> dict[str, Any]:
    """Return the body of a response that the contract allows."""
    assert response.status_code in (200, 202, 400, 404, 409, 500, 502, 503), response.text
    body = response.json()
    assert isinstance(body, dict)
    assert response.status_code < 300 or isinstance(body.get("error"), str) or body in GATEWAY_ERRORS, body
    return body

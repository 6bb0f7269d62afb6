"""Which calls a create and a destroy make, and which wait for each other: each costs the caller its latency."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.simulator.engine.call_log import CallEntry
from tests.harness.database import Database
from tests.harness.instances import (
    assert_nothing_is_left,
    create_instance,
    create_request,
    new_instance_id,
    wait_for_operation,
)
from tests.harness.wait import wait_until
from tests.harness.worker_processes import kill_workers

SLOW_SECONDS = 3.0
"""What a call is held up by to show which others wait for it."""


def list_calls(simulator: SimulatorClient, since: int) -> list[CallEntry]:
    """The calls since then, without polls of an order and the look-up of the profile, which depend on the past."""
    calls = simulator.list_calls()[since:]
    return [call for call in calls if call.operation != "orders.get" and not call.operation.startswith("profiles.")]


def list_started_after(calls: list[CallEntry], slow: str) -> set[str]:
    """The operations that began only after the slow one had ended."""
    ended_at = next(call.time for call in calls if call.operation == slow) + SLOW_SECONDS
    return {call.operation for call in calls if call.time >= ended_at}


def destroy_in_vain(api: httpx.Client, body: dict[str, Any]) -> dict[str, bool]:
    """Destroy an instance of which something is left, however long that takes; what was destroyed."""
    refused = api.delete(f"/destroy/{body['instanceId']}")
    assert refused.status_code in (202, 500), refused.text
    page = wait_for_operation(api, refused.json()["operationId"])
    assert page["status"] == "leaked"
    return page["result"]["destroyed"]


def test_create_and_destroy_make_no_call_twice_and_wait_only_for_what_they_need(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    # A process knows the messaging profile that it has looked up, which the simulator of an earlier test had: it would
    # order with that first.
    kill_workers("provision_tool.handler")
    # An operation of an earlier test that is still being undone calls providers, too.
    wait_until(lambda: not db.execute("SELECT FROM operations WHERE status = 'running'").fetchall())
    simulator.update_config({"telnyx": {"order_seconds": 0.05, "number_lag_s": 0}})
    simulator.inject_fault("openrouter", "keys.create", "slow", seconds=SLOW_SECONDS, times=1)
    since = len(simulator.list_calls())
    body = create_request(new_instance_id())
    assert create_instance(api, body).status_code == 200
    calls = list_calls(simulator, since)
    assert sorted(call.operation for call in calls) == [
        "environmentPatchCommit", "inboxes.create", "keys.create", "numbers.list", "numbers.search", "orders.create",
        "serviceCreate", "serviceDomainCreate", "volumeCreate",
    ]  # fmt: skip
    assert list_started_after(calls, "keys.create") >= {"environmentPatchCommit", "numbers.list"}

    simulator.inject_fault("openrouter", "keys.delete", "slow", seconds=SLOW_SECONDS, times=1)
    since = len(simulator.list_calls())
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    calls = list_calls(simulator, since)
    assert sorted(call.operation for call in calls) == [
        "environment", "inboxes.delete", "keys.delete", "numbers.delete", "numbers.list", "serviceDelete",
        "volumeDelete",
    ]  # fmt: skip
    assert list_started_after(calls, "keys.delete") >= {"serviceDelete", "numbers.list"}
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_a_number_that_is_listed_late_has_no_id_in_its_row_and_is_looked_up_for_its_deletion(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.update_config({"telnyx": {"order_seconds": 0, "number_lag_s": 2}})
    body = create_request(new_instance_id(), ["telnyx"])
    assert create_instance(api, body).status_code == 200
    row = db.execute(
        "SELECT resource_meta FROM instance_services WHERE instance_id = %s", (body["instanceId"],)
    ).fetchone()
    assert "number_id" not in row["resource_meta"]
    assert api.delete(f"/destroy/{body['instanceId']}").json()["destroyed"]["telnyx"] is True
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_a_deletion_that_cannot_be_confirmed_leaves_the_tool_and_only_the_tool(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id(), ["openrouter", "telnyx"])
    assert create_instance(api, body).status_code == 200
    wait_until(lambda: any(leftover.kind == "number" for leftover in simulator.list_leftovers()))
    simulator.inject_fault("telnyx", "numbers.list", "refuse", times=None)
    assert destroy_in_vain(api, body) == {
        "openrouter": True, "agentmail": False, "telnyx": False, "volumes": True, "service": True,
    }  # fmt: skip
    simulator.clear_faults()
    again = api.delete(f"/destroy/{body['instanceId']}")
    assert again.status_code == 200, again.text
    assert_nothing_is_left(simulator, db, body["instanceId"])


@pytest.mark.slow
def test_a_service_whose_volume_cannot_be_deleted_is_kept_while_the_tools_go(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id(), ["telnyx"])
    assert create_instance(api, body).status_code == 200
    simulator.inject_fault("railway", "volumeDelete", "refuse", times=None)
    assert destroy_in_vain(api, body) == {
        "openrouter": False, "agentmail": False, "telnyx": True, "volumes": False, "service": False,
    }  # fmt: skip
    assert {leftover.kind for leftover in simulator.list_leftovers()} >= {"service", "volume"}
    simulator.clear_faults()
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])

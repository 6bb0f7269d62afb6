"""Which calls a create and a destroy make, and which wait for each other: each costs the caller its latency."""

import httpx

from local.simulator.client import SimulatorClient
from local.simulator.engine.call_log import CallEntry
from tests.harness.database import Database
from tests.harness.instances import (
    assert_can_be_created_again,
    assert_nothing_is_left,
    create_instance,
    create_request,
    new_instance_id,
)
from tests.harness.wait import wait_until

LATENCY_MS = 300


def list_calls(simulator: SimulatorClient, since: int) -> list[CallEntry]:
    """The calls since then, without polls of an order: their number depends on time."""
    return [call for call in simulator.list_calls()[since:] if call.operation != "orders.get"]


def starts_before(calls: list[CallEntry], first: str, second: str) -> bool:
    """Whether the second call began after the first had been answered."""
    times = {call.operation: call.time for call in calls}
    return times[second] - times[first] >= LATENCY_MS / 1000


def test_create_and_destroy_make_no_call_twice_and_wait_only_for_what_they_need(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    # The messaging profile is looked up once in a process.
    assert_can_be_created_again(api, simulator, create_request(new_instance_id()))
    simulator.update_config({"latency_ms": LATENCY_MS, "telnyx": {"order_seconds": 0.05, "number_lag_s": 0}})
    since = len(simulator.list_calls())
    body = create_request(new_instance_id())
    assert create_instance(api, body).status_code == 200
    calls = [call for call in list_calls(simulator, since) if not call.operation.startswith("profiles.")]
    assert sorted(call.operation for call in calls) == [
        "environmentPatchCommit", "inboxes.create", "keys.create", "numbers.list", "numbers.search", "orders.create",
        "serviceCreate", "serviceDomainCreate", "volumeCreate",
    ]  # fmt: skip
    assert starts_before(calls, "serviceCreate", "volumeCreate")
    assert not starts_before(calls, "volumeCreate", "serviceDomainCreate")
    assert not starts_before(calls, "serviceDomainCreate", "volumeCreate")
    assert not starts_before(calls, "serviceCreate", "numbers.search")
    assert not starts_before(calls, "environmentPatchCommit", "numbers.list")
    for operation in ("keys.create", "inboxes.create", "orders.create", "volumeCreate", "serviceDomainCreate"):
        assert starts_before(calls, operation, "environmentPatchCommit"), operation

    since = len(simulator.list_calls())
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    calls = list_calls(simulator, since)
    assert sorted(call.operation for call in calls) == [
        "environment", "inboxes.delete", "keys.delete", "numbers.delete", "numbers.list", "serviceDelete",
        "volumeDelete",
    ]  # fmt: skip
    for operation in ("inboxes.delete", "keys.delete", "numbers.delete", "volumeDelete", "environment"):
        assert starts_before(calls, operation, "serviceDelete"), operation
        assert not starts_before(calls, "keys.delete", operation), operation
    assert starts_before(calls, "numbers.delete", "numbers.list")
    assert not starts_before(calls, "serviceDelete", "numbers.list")
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
    refused = api.delete(f"/destroy/{body['instanceId']}")
    assert refused.status_code == 500, refused.text
    assert refused.json()["destroyed"] == {
        "openrouter": True, "agentmail": False, "telnyx": False, "volumes": True, "service": True,
    }  # fmt: skip
    simulator.clear_faults()
    again = api.delete(f"/destroy/{body['instanceId']}")
    assert again.status_code == 200, again.text
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_a_service_whose_volume_cannot_be_deleted_is_kept_while_the_tools_go(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id(), ["telnyx"])
    assert create_instance(api, body).status_code == 200
    simulator.inject_fault("railway", "volumeDelete", "refuse", times=None)
    refused = api.delete(f"/destroy/{body['instanceId']}")
    assert refused.status_code == 500, refused.text
    assert refused.json()["destroyed"] == {
        "openrouter": False, "agentmail": False, "telnyx": True, "volumes": False, "service": False,
    }  # fmt: skip
    assert {leftover.kind for leftover in simulator.list_leftovers()} >= {"service", "volume"}
    simulator.clear_faults()
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])

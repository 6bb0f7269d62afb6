"""What a failed create has left: the next create names it, looks at it again, and succeeds once it is gone."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.database import Database
from tests.harness.instances import (
    assert_nothing_is_left,
    create_instance,
    create_request,
    get_operation,
    insert_leaked_create,
    new_instance_id,
    wait_for_operation,
)


def let_time_pass(db: Database, operation_id: str) -> None:
    """Make the operation as old as one that a create retries."""
    db.execute("UPDATE operations SET updated_at = now() - interval '10 s' WHERE id = %s", (operation_id,))


def test_the_conflict_names_what_is_left(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body, _ = insert_leaked_create(api, db, ["openrouter", "agentmail", "telnyx"])
    ids = {leftover.kind: leftover.id for leftover in simulator.list_leftovers()}
    number = next(leftover.name for leftover in simulator.list_leftovers() if leftover.kind == "number")
    calls = len(simulator.list_calls())
    refused = create_instance(api, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "LEFTOVERS"), refused.text
    leftovers = {(item["provider"], item["kind"]): item["id"] for item in refused.json()["leftovers"]}
    inbox_address = f"convos-agent-{body['instanceId']}@agentmail.to"
    expected = {
        ("openrouter", "key"): ids["key"],
        ("agentmail", "inbox"): inbox_address,
        ("telnyx", "number"): number,
        ("railway", "service"): ids["service"],
        ("railway", "volume"): ids["volume"],
    }
    assert leftovers == expected
    assert refused.json()["left"] == ["agentmail", "openrouter", "service", "telnyx", "volumes"]
    assert all(value in refused.json()["error"] for value in expected.values())
    # It leaked just now, and is not retried for each request.
    assert len(simulator.list_calls()) == calls


def test_what_an_unknown_outcome_may_have_left_is_named_by_what_finds_it(api: httpx.Client, db: Database) -> None:
    body, operation_id = insert_leaked_create(api, db, ["openrouter"])
    db.execute(
        "UPDATE operation_resources SET state = 'intended', resource_id = NULL WHERE operation_id = %s", (operation_id,)
    )
    leftovers = {item["kind"]: item for item in create_instance(api, body).json()["leftovers"]}
    assert leftovers["key"] == {"provider": "openrouter", "kind": "key", "reference": body["name"]}
    assert leftovers["service"] == {"provider": "railway", "kind": "service", "reference": body["name"]}
    assert set(leftovers["volume"]) == {"provider", "kind", "reference"}


def test_the_next_create_undoes_what_is_left_and_succeeds(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, operation_id = insert_leaked_create(api, db, ["openrouter"])
    old_ids = {leftover.id for leftover in simulator.list_leftovers()}
    let_time_pass(db, operation_id)
    created = create_instance(api, body)
    assert created.status_code == 200, created.text
    assert get_operation(api, operation_id)["status"] == "failed"
    assert old_ids.isdisjoint(leftover.id for leftover in simulator.list_leftovers())
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_the_conflict_ends_by_itself_after_everything_was_deleted_by_hand(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, operation_id = insert_leaked_create(api, db, ["openrouter", "agentmail", "telnyx"])
    simulator.reset()
    let_time_pass(db, operation_id)
    created = create_instance(api, body)
    assert created.status_code == 200, created.text
    assert get_operation(api, operation_id)["status"] == "failed"
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_a_conflict_is_not_replayed_after_its_reason_has_gone(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, operation_id = insert_leaked_create(api, db, [])
    headers = {"Idempotency-Key": f"key-{body['instanceId']}"}
    assert api.post("/create-instance", json=body, headers=headers).status_code == 409
    let_time_pass(db, operation_id)
    created = api.post("/create-instance", json=body, headers=headers)
    assert created.status_code == 200, created.text
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])


@pytest.mark.slow
def test_what_still_cannot_be_deleted_is_named_again(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, operation_id = insert_leaked_create(api, db, ["openrouter"])
    simulator.inject_fault("openrouter", "keys.delete", "error_body", times=None)
    let_time_pass(db, operation_id)
    refused = create_instance(api, body)
    assert (refused.status_code, refused.json()["code"]) in ((409, "LEFTOVERS"), (409, "BUSY")), refused.text
    assert wait_for_operation(api, operation_id)["status"] == "leaked"
    assert [leftover.kind for leftover in simulator.list_leftovers()] == ["key"]
    assert [item["kind"] for item in create_instance(api, body).json()["leftovers"]] == ["key"]
    simulator.clear_faults()
    let_time_pass(db, operation_id)
    assert create_instance(api, body).status_code == 200
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["error_body", "other_shape", "empty"])
def test_a_tool_that_is_still_there_is_never_reported_as_deleted(
    api: httpx.Client, simulator: SimulatorClient, db: Database, kind: Any
) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    key_id = create_instance(api, body).json()["services"]["openrouter"]["resourceId"]
    fault = simulator.inject_fault("openrouter", "keys.delete", kind, times=None)
    failed = api.delete(f"/destroy/{body['instanceId']}/openrouter/{key_id}")
    assert failed.status_code in (202, 500), failed.text
    page = wait_for_operation(api, failed.json()["operationId"])
    assert (page["status"], page["result"]["deleted"]) == ("leaked", False)
    assert key_id in {leftover.id for leftover in simulator.list_leftovers()}
    simulator.remove_fault(fault)
    simulator.inject_fault("openrouter", "keys.delete", kind, times=1)
    deleted = api.delete(f"/destroy/{body['instanceId']}/openrouter/{key_id}")
    assert (deleted.status_code, deleted.json()["deleted"]) == (200, True), deleted.text
    assert key_id not in {leftover.id for leftover in simulator.list_leftovers()}
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["garbage", "error_body", "other_shape", "server_error", "drop"])
def test_a_number_whose_list_fails_and_lags_during_the_undo_is_found_by_the_next_create(
    api: httpx.Client, simulator: SimulatorClient, db: Database, kind: Any
) -> None:
    simulator.update_config({"telnyx": {"number_lag_s": 4.0}})
    simulator.inject_fault("railway", "environmentPatchCommit", "refuse", times=None)
    simulator.inject_fault("telnyx", "numbers.list", kind, times=None)
    body = create_request(new_instance_id(), ["telnyx"])
    failed = create_instance(api, body)
    assert failed.status_code in (202, 500), failed.text
    page = wait_for_operation(api, failed.json()["operationId"], timeout=120)
    assert (page["status"], page["error"]["left"]) == ("leaked", ["telnyx"])
    simulator.clear_faults()
    let_time_pass(db, page["operationId"])
    created = create_instance(api, body)
    assert created.status_code == 200, created.text
    numbers = [leftover for leftover in simulator.list_leftovers() if leftover.kind == "number"]
    assert len(numbers) == 1
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])

"""The reconciler's first half: stalled operations are resumed, and leaked ones compensated."""

import json

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.lifecycle.reconciler import resume_operations
from tests.harness.background import run_in_background
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.instances import (
    assert_can_be_created_again,
    assert_nothing_is_left,
    create_instance,
    create_request,
    get_operation,
    insert_leaked_create,
    new_instance_id,
    wait_for_operation,
)
from tests.harness.wait import wait_until
from tests.reconcile.orphan_harness import OrphanHarness

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def clear_fleet(db: Database) -> None:
    reset_fleet_tables(db)


def run_reconciler(stack: Stack, **event: object) -> dict[str, str]:
    result = stack.invoke("ReconcilerFunction", event)
    assert result.error is None, result.payload
    return json.loads(result.payload)["operations"]


def create_leaked(api: httpx.Client, simulator: SimulatorClient) -> tuple[dict, str]:
    """Create a leaked create: it failed, and its key could not be deleted."""
    body = create_request(new_instance_id(), ["openrouter"])
    simulator.inject_fault("railway", "environmentPatchCommit", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    response = create_instance(api, body)
    page = wait_for_operation(api, response.json()["operationId"])
    assert page["status"] == "leaked"
    return body, page["operationId"]


def insert_running_create(db: Database, body: dict, operation_id: str) -> str:
    db.execute(
        "INSERT INTO operations (id, instance_id, kind, request) VALUES (%s, %s, 'create', %s)",
        (operation_id, body["instanceId"], json.dumps({"name": body["name"], "tools": body["tools"]})),
    )
    return operation_id


def test_operation_whose_execution_was_never_started_is_started(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    operation_id = insert_running_create(db, body, f"op-{body['instanceId']}")
    assert run_reconciler(stack, dry=True) == {operation_id: "would start"}
    assert get_operation(api, operation_id)["status"] == "running"
    assert run_reconciler(stack) == {operation_id: "started"}
    assert wait_for_operation(api, operation_id)["status"] == "succeeded"
    again = create_instance(api, body)
    assert (again.status_code, list(again.json()["services"])) == (200, ["openrouter"])


def test_operation_whose_execution_has_ended_without_ending_it_is_restarted(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, operation_id = insert_leaked_create(api, db, ["openrouter"])
    db.execute("UPDATE operations SET status = 'running' WHERE id = %s", (operation_id,))
    assert run_reconciler(stack) == {operation_id: "restarted"}
    assert wait_for_operation(api, operation_id)["status"] == "failed"
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_operation_with_a_running_execution_is_left_alone(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient
) -> None:
    simulator.inject_fault("openrouter", "keys.create", "slow", seconds=2, times=1)
    body = create_request(new_instance_id(), ["openrouter"])
    creating = run_in_background(lambda: create_instance(api, body))
    wait_until(simulator.list_calls)
    assert run_reconciler(stack) == {}
    assert creating.result().status_code == 200


def test_recently_updated_operation_is_left_alone(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """Age is measured by the database's clock, so a future `updated_at` makes an operation young."""
    operation_id = insert_running_create(db, create_request(new_instance_id(), []), "op-" + new_instance_id())
    db.execute("UPDATE operations SET updated_at = now() + interval '1 hour' WHERE id = %s", (operation_id,))
    assert run_reconciler(stack) == {}


def test_leaked_create_is_compensated_once_its_provider_recovers(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, operation_id = create_leaked(api, simulator)
    assert create_instance(api, body).status_code == 409
    assert run_reconciler(stack, dry=True) == {operation_id: "would restart"}
    assert run_reconciler(stack) == {operation_id: "restarted"}
    assert wait_for_operation(api, operation_id)["status"] == "leaked"
    simulator.clear_faults()
    calls = len(simulator.list_calls())
    assert run_reconciler(stack) == {operation_id: "restarted"}
    assert wait_for_operation(api, operation_id)["status"] == "failed"
    provider_calls = [
        call for call in simulator.list_calls()[calls:] if "reate" in call.operation or "PatchCommit" in call.operation
    ]
    assert provider_calls == []
    assert_nothing_is_left(simulator, db, body["instanceId"])
    assert_can_be_created_again(api, simulator, body)


def test_leaked_destroy_is_finished(stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body = create_request(new_instance_id(), ["agentmail"])
    create_instance(api, body)
    fault = simulator.inject_fault("agentmail", "inboxes.delete", "refuse", times=None, status=403)
    operation_id = api.delete(f"/destroy/{body['instanceId']}").json()["operationId"]
    simulator.remove_fault(fault)
    assert run_reconciler(stack) == {operation_id: "restarted"}
    page = wait_for_operation(api, operation_id)
    assert (page["status"], page["result"]["destroyed"]["agentmail"]) == ("succeeded", True)
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_leaked_provision_is_compensated_and_the_instance_keeps_its_resources(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    created = create_instance(api, create_request(new_instance_id(), ["agentmail"])).json()
    live = simulator.list_leftovers()
    simulator.inject_fault("railway", "variableCollectionUpsert", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    failed = api.post(f"/provision/{created['instanceId']}/openrouter")
    operation_id = failed.json()["operationId"]
    assert wait_for_operation(api, operation_id)["status"] == "leaked"
    simulator.clear_faults()
    assert run_reconciler(stack) == {operation_id: "restarted"}
    assert wait_for_operation(api, operation_id)["status"] == "failed"
    assert simulator.list_leftovers() == live


def test_leaked_operation_without_leftovers_is_settled(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """The next provision deleted the leftover of the failed one, and its own key is live."""
    created = create_instance(api, create_request(new_instance_id(), [])).json()
    simulator.inject_fault("railway", "variableCollectionUpsert", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    leaked = api.post(f"/provision/{created['instanceId']}/openrouter").json()["operationId"]
    assert wait_for_operation(api, leaked)["status"] == "leaked"
    simulator.clear_faults()
    key = api.post(f"/provision/{created['instanceId']}/openrouter").json()["resourceId"]
    assert run_reconciler(stack, dry=True) == {leaked: "would settle"}
    assert run_reconciler(stack) == {leaked: "settled"}
    assert get_operation(api, leaked)["status"] == "failed"
    assert [leftover.id for leftover in simulator.list_leftovers() if leftover.kind == "key"] == [key]


def test_old_leaked_create_does_not_affect_the_current_instance(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, leaked = insert_leaked_create(api, db, ["openrouter"])
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert create_instance(api, body).status_code == 200
    live = simulator.list_leftovers()
    assert run_reconciler(stack) == {leaked: "settled"}
    assert simulator.list_leftovers() == live


def test_leaked_operation_can_be_retried(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body, operation_id = insert_leaked_create(api, db, ["openrouter"])
    retried = api.post(f"/operations/{operation_id}/retry")
    assert (retried.status_code, retried.json()["status"]) == (200, "failed")
    assert_nothing_is_left(simulator, db, body["instanceId"])
    again = api.post(f"/operations/{operation_id}/retry")
    assert (again.status_code, "nothing to retry" in again.json()["error"]) == (409, True)


def test_leaked_operation_can_be_abandoned(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body, operation_id = create_leaked(api, simulator)
    given_up = api.post(f"/operations/{operation_id}/abandon")
    assert given_up.status_code == 200, given_up.text
    assert given_up.json()["status"] == "failed"
    assert (given_up.json()["error"]["code"], given_up.json()["error"]["left"]) == ("ABANDONED", ["openrouter"])
    assert [leftover.kind for leftover in simulator.list_leftovers()] == ["key"]
    simulator.clear_faults()
    assert create_instance(api, body).status_code == 200
    assert api.post(f"/operations/{operation_id}/abandon").status_code == 409


def test_abandoned_destroy_frees_the_id(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body = create_request(new_instance_id(), ["agentmail"])
    create_instance(api, body)
    simulator.inject_fault("agentmail", "inboxes.delete", "refuse", times=None, status=403)
    operation_id = api.delete(f"/destroy/{body['instanceId']}").json()["operationId"]
    page = api.post(f"/operations/{operation_id}/abandon").json()
    assert "inbox" in page["error"]["message"] or "agentmail" in page["error"]["message"]
    assert db.execute("SELECT FROM instance_infra WHERE instance_id = %s", (body["instanceId"],)).fetchone() is None
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 404


@pytest.mark.parametrize("what", ["retry", "abandon"])
def test_only_leaked_operations_can_be_retried_or_abandoned(
    api: httpx.Client, simulator: SimulatorClient, db: Database, what
) -> None:
    body = create_request(new_instance_id(), [])
    create_instance(api, body)
    row = db.execute("SELECT id FROM operations WHERE instance_id = %s", (body["instanceId"],)).fetchone()
    refused = api.post(f"/operations/{row['id']}/{what}")
    assert (refused.status_code, "succeeded" in refused.json()["error"]) == (409, True)
    assert api.post(f"/operations/op-unknown/{what}").status_code == 404


def test_concurrent_reconcilers_restart_once(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    _, operation_id = insert_leaked_create(api, db, ["openrouter"])
    reconciling = run_in_background(lambda: stack.invoke("ReconcilerFunction", {}))
    own_actions = run_reconciler(stack)
    other_actions = json.loads(reconciling.result().payload)["operations"]
    assert sorted([*own_actions.values(), *other_actions.values()]) in (["restarted"], ["restarted", "settled"])
    assert wait_for_operation(api, operation_id)["status"] == "failed"
    row = db.execute("SELECT restarts FROM operations WHERE id = %s", (operation_id,)).fetchone()
    assert row == {"restarts": 1}


@pytest.mark.parametrize(("restarts", "pauses"), [(0, 1), (1, 2), (3, 8), (9, 8)])
def test_pauses_between_retries_of_a_leaked_operation_grow_to_a_limit(
    harness: OrphanHarness, restarts: int, pauses: int
) -> None:
    harness.set_environment(RECONCILE_AFTER_SECONDS="600")
    operation_id = harness.insert_operation(new_instance_id(), "leaked")
    for idle_seconds, expected in ((600 * pauses - 60, {}), (600 * pauses + 60, {operation_id: "would settle"})):
        harness.db.execute(
            "UPDATE operations SET restarts = %s, updated_at = now() - make_interval(secs => %s) WHERE id = %s",
            (restarts, idle_seconds, operation_id),
        )
        assert resume_operations(dry_run=True) == expected

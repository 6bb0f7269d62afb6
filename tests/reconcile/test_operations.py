"""The reconciler's first half: operations that stalled are gone on with, and what was left is deleted after all."""

import json
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.workflow.helpers import (
    Database,
    assert_can_be_made_again,
    assert_nothing_is_left,
    create,
    forget_other_tests,
    fresh_id,
    in_background,
    request_for,
    until,
)  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_of_other_tests(db: Database) -> None:
    forget_other_tests(db)


def reconcile(stack: Stack, **event: object) -> dict[str, str]:
    result = stack.invoke("ReconcilerFunction", event)
    assert result.error is None, result.payload
    return json.loads(result.payload)["operations"]


def page_of(api: httpx.Client, operation_id: str) -> dict[str, Any]:
    return api.get(f"/operations/{operation_id}").json()


def settled(api: httpx.Client, operation_id: str) -> dict[str, Any]:
    return until(lambda: page if (page := page_of(api, operation_id))["status"] != "running" else None, 40)


def leaked_in_earnest(api: httpx.Client, simulator: SimulatorClient) -> tuple[dict, str]:
    """A create that failed and could not delete its key."""
    body = request_for(fresh_id(), ["openrouter"])
    simulator.fault("railway", "environmentPatchCommit", "refuse", times=None)
    simulator.fault("openrouter", "keys.delete", "refuse", times=None)
    answer = create(api, body)
    page = settled(api, answer.json()["operationId"])
    assert page["status"] == "leaked"
    return body, page["operationId"]


def leaked_create(api: httpx.Client, db: Database) -> tuple[dict, str]:
    """A create that looks as if it had failed and could delete nothing, without the waits of one that does."""
    body = request_for(fresh_id(), ["openrouter"])
    assert create(api, body).status_code == 200
    row = db.execute(
        "UPDATE operations SET status = 'leaked', undoing = true, result = NULL, error = '{\"message\": \"no\"}'"
        " WHERE instance_id = %s RETURNING id",
        (body["instanceId"],),
    ).fetchone()
    db.execute("DELETE FROM instance_infra WHERE instance_id = %s", (body["instanceId"],))
    assert row is not None
    return body, row["id"]


def insert_create(db: Database, body: dict, operation_id: str) -> str:
    db.execute(
        "INSERT INTO operations (id, instance_id, kind, request) VALUES (%s, %s, 'create', %s)",
        (operation_id, body["instanceId"], json.dumps({"name": body["name"], "tools": body["tools"]})),
    )
    return operation_id


def test_operation_whose_execution_was_never_started_is_started(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = request_for(fresh_id(), ["openrouter"])
    operation_id = insert_create(db, body, f"op-{body['instanceId']}")
    assert reconcile(stack, dry=True) == {operation_id: "would start"}
    assert page_of(api, operation_id)["status"] == "running"
    assert reconcile(stack) == {operation_id: "started"}
    assert settled(api, operation_id)["status"] == "succeeded"
    again = create(api, body)
    assert (again.status_code, list(again.json()["services"])) == (200, ["openrouter"])


def test_operation_whose_execution_has_ended_without_ending_it_is_restarted(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, operation_id = leaked_create(api, db)
    db.execute("UPDATE operations SET status = 'running' WHERE id = %s", (operation_id,))
    assert reconcile(stack) == {operation_id: "restarted"}
    assert settled(api, operation_id)["status"] == "failed"
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_operation_that_is_at_work_is_left_alone(stack: Stack, api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.fault("openrouter", "keys.create", "slow", seconds=2, times=1)
    body = request_for(fresh_id(), ["openrouter"])
    running = in_background(lambda: create(api, body))
    until(simulator.calls)
    assert reconcile(stack) == {}
    assert running().status_code == 200


def test_operation_that_was_heard_of_a_moment_ago_is_left_alone(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """Silence counts by the database's clock, so a clock that is ahead makes an operation young."""
    operation_id = insert_create(db, request_for(fresh_id(), []), "op-" + fresh_id())
    db.execute("UPDATE operations SET updated_at = now() + interval '1 hour' WHERE id = %s", (operation_id,))
    assert reconcile(stack) == {}


def test_leaked_create_is_undone_as_soon_as_that_can_be(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, operation_id = leaked_in_earnest(api, simulator)
    assert create(api, body).status_code == 409
    assert reconcile(stack, dry=True) == {operation_id: "would restart"}
    assert reconcile(stack) == {operation_id: "restarted"}
    assert settled(api, operation_id)["status"] == "leaked"
    simulator.clear_faults()
    calls = len(simulator.calls())
    assert reconcile(stack) == {operation_id: "restarted"}
    assert settled(api, operation_id)["status"] == "failed"
    made = [call for call in simulator.calls()[calls:] if "reate" in call.operation or "PatchCommit" in call.operation]
    assert made == []
    assert_nothing_is_left(simulator, db, body["instanceId"])
    assert_can_be_made_again(api, simulator, body)


def test_leaked_destroy_is_finished(stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body = request_for(fresh_id(), ["agentmail"])
    create(api, body)
    fault = simulator.fault("agentmail", "inboxes.delete", "refuse", times=None, status=403)
    operation_id = api.delete(f"/destroy/{body['instanceId']}").json()["operationId"]
    simulator.remove_fault(fault)
    assert reconcile(stack) == {operation_id: "restarted"}
    page = settled(api, operation_id)
    assert (page["status"], page["result"]["destroyed"]["agentmail"]) == ("succeeded", True)
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_leaked_provision_is_cleaned_up_and_the_living_instance_keeps_what_it_has(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    made = create(api, request_for(fresh_id(), ["agentmail"])).json()
    live = simulator.leftovers()
    simulator.fault("railway", "variableCollectionUpsert", "refuse", times=None)
    simulator.fault("openrouter", "keys.delete", "refuse", times=None)
    failed = api.post(f"/provision/{made['instanceId']}/openrouter")
    operation_id = failed.json()["operationId"]
    assert settled(api, operation_id)["status"] == "leaked"
    simulator.clear_faults()
    assert reconcile(stack) == {operation_id: "restarted"}
    assert settled(api, operation_id)["status"] == "failed"
    assert simulator.leftovers() == live


def test_what_somebody_else_has_cleaned_up_is_settled_and_nothing_live_is_touched(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """The leftover of a failed provision went with the next one, whose key is live now."""
    made = create(api, request_for(fresh_id(), [])).json()
    simulator.fault("railway", "variableCollectionUpsert", "refuse", times=None)
    simulator.fault("openrouter", "keys.delete", "refuse", times=None)
    leaked = api.post(f"/provision/{made['instanceId']}/openrouter").json()["operationId"]
    assert settled(api, leaked)["status"] == "leaked"
    simulator.clear_faults()
    key = api.post(f"/provision/{made['instanceId']}/openrouter").json()["resourceId"]
    assert reconcile(stack, dry=True) == {leaked: "would settle"}
    assert reconcile(stack) == {leaked: "settled"}
    assert page_of(api, leaked)["status"] == "failed"
    assert [left.id for left in simulator.leftovers() if left.kind == "key"] == [key]


def test_an_old_leaked_create_never_harms_the_instance_that_lives_now(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body, leaked = leaked_create(api, db)
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert create(api, body).status_code == 200
    live = simulator.leftovers()
    assert reconcile(stack) == {leaked: "settled"}
    assert simulator.leftovers() == live


def test_retry_by_hand(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body, operation_id = leaked_create(api, db)
    done = api.post(f"/operations/{operation_id}/retry")
    assert (done.status_code, done.json()["status"]) == (200, "failed")
    assert_nothing_is_left(simulator, db, body["instanceId"])
    again = api.post(f"/operations/{operation_id}/retry")
    assert (again.status_code, "nothing to retry" in again.json()["error"]) == (409, True)


def test_what_cannot_be_deleted_can_be_given_up(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body, operation_id = leaked_in_earnest(api, simulator)
    given_up = api.post(f"/operations/{operation_id}/abandon")
    assert given_up.status_code == 200, given_up.text
    assert given_up.json()["status"] == "failed"
    assert (given_up.json()["error"]["code"], given_up.json()["error"]["left"]) == ("ABANDONED", ["openrouter"])
    assert [left.kind for left in simulator.leftovers()] == ["key"]
    simulator.clear_faults()
    assert create(api, body).status_code == 200
    assert api.post(f"/operations/{operation_id}/abandon").status_code == 409


def test_destroy_that_is_given_up_frees_the_id(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body = request_for(fresh_id(), ["agentmail"])
    create(api, body)
    simulator.fault("agentmail", "inboxes.delete", "refuse", times=None, status=403)
    operation_id = api.delete(f"/destroy/{body['instanceId']}").json()["operationId"]
    page = api.post(f"/operations/{operation_id}/abandon").json()
    assert "inbox" in page["error"]["message"] or "agentmail" in page["error"]["message"]
    assert db.execute("SELECT FROM instance_infra WHERE instance_id = %s", (body["instanceId"],)).fetchone() is None
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 404


@pytest.mark.parametrize("what", ["retry", "abandon"])
def test_only_leaked_operations_can_be_gone_on_with(
    api: httpx.Client, simulator: SimulatorClient, db: Database, what
) -> None:
    body = request_for(fresh_id(), [])
    create(api, body)
    row = db.execute("SELECT id FROM operations WHERE instance_id = %s", (body["instanceId"],)).fetchone()
    refused = api.post(f"/operations/{row['id']}/{what}")
    assert (refused.status_code, "succeeded" in refused.json()["error"]) == (409, True)
    assert api.post(f"/operations/op-unknown/{what}").status_code == 404


def test_two_reconcilers_at_once_restart_once(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    _, operation_id = leaked_create(api, db)
    other = in_background(lambda: stack.invoke("ReconcilerFunction", {}))
    mine = reconcile(stack)
    theirs = json.loads(other().payload)["operations"]
    assert sorted([*mine.values(), *theirs.values()]) in (["restarted"], ["restarted", "settled"])
    assert settled(api, operation_id)["status"] == "failed"
    row = db.execute("SELECT restarts FROM operations WHERE id = %s", (operation_id,)).fetchone()
    assert row == {"restarts": 1}

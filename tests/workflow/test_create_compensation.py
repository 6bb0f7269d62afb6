"""However a create is interrupted: an honest response, no leftovers, no rows, and the id is free again."""

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.background import run_in_background
from tests.harness.database import Database
from tests.harness.instances import (
    assert_can_be_created_again,
    assert_nothing_is_left,
    create_instance,
    create_request,
    new_instance_id,
    wait_for_operation,
)
from tests.harness.simulator import wait_for_call
from tests.harness.wait import wait_until
from tests.harness.worker_processes import kill_workers

pytestmark = pytest.mark.slow

# A call of each step, and its task.
STEPS = [
    pytest.param("openrouter", "keys.create", "provision_tool", ["openrouter"], id="openrouter"),
    pytest.param("agentmail", "inboxes.create", "provision_tool", ["agentmail"], id="agentmail"),
    pytest.param("telnyx", "orders.create", "provision_tool", ["telnyx"], id="telnyx"),
    pytest.param("railway", "serviceCreate", "create_service", ["openrouter"], id="service"),
    pytest.param("railway", "volumeCreate", "attach_volume", ["openrouter"], id="volume"),
    pytest.param("railway", "serviceDomainCreate", "create_domain", ["openrouter"], id="domain"),
    pytest.param("railway", "environmentPatchCommit", "deploy_instance", ["openrouter"], id="deploy"),
]


@pytest.mark.parametrize(("provider", "operation", "task", "tools"), STEPS)
def test_killed_task_is_compensated_although_its_provider_call_completes(
    api: httpx.Client, simulator: SimulatorClient, db: Database, provider, operation, task, tools
) -> None:
    """The provider completes the call of a killed process, so the resource appears after the kill."""
    simulator.inject_fault(provider, operation, "slow", seconds=1.2, times=1)
    body = create_request(new_instance_id(), tools)
    request = run_in_background(lambda: create_instance(api, body))
    wait_for_call(simulator, operation)
    assert kill_workers(f"{task}.handler") >= 1
    _assert_compensated(api, simulator, db, body, request.result())


def test_task_killed_before_the_rows_are_written_is_compensated(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id())
    with db.transaction():
        db.execute("LOCK TABLE instance_infra IN SHARE MODE")
        request = run_in_background(lambda: create_instance(api, body))
        wait_for_call(simulator, "environmentPatchCommit")
        wait_until(lambda: all(call.ended for call in simulator.list_calls()))
        assert kill_workers("deploy_instance.handler") >= 1
    _assert_compensated(api, simulator, db, body, request.result())


def test_killed_compensation_is_retried(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    simulator.inject_fault("railway", "environmentPatchCommit", "refuse", times=None)
    simulator.inject_fault("railway", "serviceDelete", "slow", seconds=1.0, times=1)
    body = create_request(new_instance_id())
    request = run_in_background(lambda: create_instance(api, body))
    wait_for_call(simulator, "serviceDelete")
    assert kill_workers("compensate_operation.handler") >= 1
    _assert_compensated(api, simulator, db, body, request.result())


CALLS = [
    ("openrouter", "keys.create"),
    ("agentmail", "inboxes.create"),
    ("telnyx", "numbers.search"),
    ("telnyx", "orders.create"),
    ("railway", "serviceCreate"),
    ("railway", "environmentPatchCommit"),
]


@pytest.mark.parametrize(("provider", "operation"), CALLS)
def test_call_that_always_fails_is_compensated(
    api: httpx.Client, simulator: SimulatorClient, db: Database, provider, operation
) -> None:
    simulator.inject_fault(provider, operation, "refuse", times=None)
    body = create_request(new_instance_id())
    response = create_instance(api, body)
    error = _assert_compensated(api, simulator, db, body, response)
    assert provider in error


@pytest.mark.parametrize("operation", ["volumeCreate", "serviceDomainCreate"])
def test_volume_and_domain_are_best_effort(
    api: httpx.Client, simulator: SimulatorClient, db: Database, operation
) -> None:
    simulator.inject_fault("railway", operation, "refuse", times=None)
    body = create_request(new_instance_id(), ["openrouter"])
    response = create_instance(api, body)
    assert response.status_code == 200, response.text
    assert len(response.json()["warnings"]) == 1
    assert (response.json()["url"] is None) == (operation == "serviceDomainCreate")
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_create_reads_no_deployment_and_records_its_first_status(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.inject_fault("railway", "serviceInstance", "refuse", times=None)
    body = create_request(new_instance_id(), [])
    assert create_instance(api, body).status_code == 200
    query = "SELECT deploy_status FROM instance_infra WHERE instance_id = %s"
    assert db.execute(query, (body["instanceId"],)).fetchone() == {"deploy_status": "INITIALIZING"}


def test_failed_compensation_is_reported_as_leaked_and_finished_by_destroy(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.inject_fault("railway", "environmentPatchCommit", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "server_error", times=None)
    body = create_request(new_instance_id())
    response = create_instance(api, body)
    assert response.status_code in (202, 500)
    page = wait_for_operation(api, response.json()["operationId"])
    assert page["status"] == "leaked"
    assert page["error"]["left"] == ["openrouter"]
    assert [leftover.provider for leftover in simulator.list_leftovers()] == ["openrouter"]
    assert create_instance(api, body).status_code == 409
    simulator.clear_faults()
    destroyed = api.delete(f"/destroy/{body['instanceId']}")
    assert destroyed.status_code == 200, destroyed.text
    assert destroyed.json()["destroyed"]["openrouter"] is True
    assert_nothing_is_left(simulator, db, body["instanceId"])
    assert_can_be_created_again(api, simulator, body)


def _assert_compensated(
    api: httpx.Client, simulator: SimulatorClient, db: Database, body, response: httpx.Response
) -> str:
    if response.status_code == 202:
        assert response.headers["Location"] == f"/operations/{response.json()['operationId']}"
    else:
        assert response.status_code == 500, response.text
    page = wait_for_operation(api, response.json()["operationId"])
    assert page["status"] == "failed", page
    assert all(step["endedAt"] for step in page["steps"]), page
    assert_nothing_is_left(simulator, db, body["instanceId"])
    assert_can_be_created_again(api, simulator, body)
    return page["error"]["message"]

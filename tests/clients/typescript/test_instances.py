"""Instances and operations through the built package."""

from collections.abc import Callable
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.typescript.cutting_proxy import CuttingProxy
from tests.clients.typescript.node_project import NodeProject
from tests.harness.database import Database
from tests.harness.instances import assert_nothing_is_left, create_request, new_instance_id
from tests.harness.simulator import count_calls
from tests.harness.stack import ANSWER_WITHIN_SECONDS, API_KEY

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(project: NodeProject, stack: Stack, simulator: SimulatorClient) -> Run:
    """Run the scenario `instance`."""
    simulator.update_config({"railway": {"deploy_seconds": 0}})

    def run_scenario(url: str = stack.url, key: str = API_KEY, **arguments: object) -> dict[str, Any]:
        client = {"baseUrl": url, "apiKey": key, "retry": {"minDelayMs": 10}}
        return project.run("instance", client=client, **arguments)

    return run_scenario


def make_slow(simulator: SimulatorClient) -> None:
    """Let a create take longer than its answer time."""
    for call in ("serviceCreate", "volumeCreate", "environmentPatchCommit"):
        simulator.inject_fault("railway", call, "slow", seconds=ANSWER_WITHIN_SECONDS / 2, times=1)


def test_an_instance_is_created_listed_and_destroyed(run: Run, simulator: SimulatorClient, db: Database) -> None:
    body = create_request(new_instance_id())
    result = run(body=body)
    assert (result["created"]["instanceId"], set(result["created"]["services"])) == (
        body["instanceId"],
        set(body["tools"]),
    )
    assert (result["listed"], result["operations"]) == ([body["instanceId"]], ["create succeeded"])
    assert (result["destroyed"]["instanceId"], result["destroyed"]["destroyed"]["service"]) == (
        body["instanceId"],
        True,
    )
    assert_nothing_is_left(simulator, db, body["instanceId"])


@pytest.mark.parametrize("by_operation", [False, True])
def test_a_create_that_takes_long_is_waited_for(run: Run, simulator: SimulatorClient, by_operation: bool) -> None:
    make_slow(simulator)
    body = create_request(new_instance_id(), ["openrouter"])
    result = run(body=body, byOperation=by_operation)
    assert result["created"]["services"]["openrouter"]["resourceId"]
    assert ("started" in result, result.get("started", {}).get("status")) == (
        by_operation,
        "running" if by_operation else None,
    )
    assert result["destroyed"]["destroyed"]["service"] is True


@pytest.mark.parametrize("by_operation", [False, True])
def test_a_create_that_fails_is_an_error_with_its_operation(
    run: Run, simulator: SimulatorClient, db: Database, by_operation: bool
) -> None:
    if by_operation:
        make_slow(simulator)
    simulator.inject_fault("openrouter", "keys.create", "refuse", times=None)
    body = create_request(new_instance_id(), ["openrouter"])
    result = run(body=body, byOperation=by_operation)
    error, failed = result["error"], result["failed"]
    assert (error["name"], error["status"], error["code"]) == ("OperationFailed", 500, "OPERATION_FAILED")
    row = db.execute("SELECT id FROM operations WHERE instance_id = %s", (body["instanceId"],)).fetchone()
    assert row is not None
    assert failed == {"operationId": row["id"], "status": "failed"}
    assert error["requestId"]
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_a_create_whose_answer_is_lost_makes_one_instance(
    run: Run, simulator: SimulatorClient, proxy: CuttingProxy, db: Database
) -> None:
    proxy.lost_answers = [b"POST /create-instance", b"POST /create-instance", b"DELETE /destroy/"]
    body = create_request(new_instance_id(), ["agentmail"])
    result = run(proxy.url, body=body)
    assert result["destroyed"]["destroyed"]["service"] is True
    assert [line.split("/")[1].split(" ")[0] for line in proxy.requests if not line.startswith("GET")] == [
        "create-instance", "create-instance", "create-instance", "destroy", "destroy",
    ]  # fmt: skip
    assert count_calls(simulator, "serviceCreate") == 1
    assert result["operations"] == ["create succeeded"]
    assert_nothing_is_left(simulator, db, body["instanceId"])


def test_an_answer_cut_in_the_middle_is_asked_for_again(run: Run, proxy: CuttingProxy) -> None:
    proxy.cuts = [b'"serviceId"', b'"instances":']
    result = run(proxy.url, body=create_request(new_instance_id(), []))
    assert (proxy.cuts, result["operations"]) == ([], ["create succeeded"])


def test_a_wrong_key_is_an_error_that_does_not_show_it(run: Run) -> None:
    error = run(key="a-wrong-key", body=create_request(new_instance_id()))["error"]
    assert (error["name"], error["status"], error["code"]) == ("PointsmanError", 401, "UNAUTHENTICATED")
    assert error["requestId"]
    assert "a-wrong-key" not in str(error)


def test_a_conflict_is_an_error_with_the_apis_code(run: Run) -> None:
    body = create_request(new_instance_id(), [])
    assert "created" in run(body=body, keep=True)
    error = run(body={**body, "tools": ["openrouter"]})["error"]
    assert (error["status"], error["code"]) == (409, "CONFLICT")
    assert "created" in run(body=body)

"""The fleet through the Python client: operations that are waited for, lost answers, failures, lists, credentials."""

from types import ModuleType
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.cutting_proxy import CuttingProxy
from tests.harness.database import Database
from tests.harness.instances import assert_nothing_is_left, insert_instance, new_instance_id
from tests.harness.stack import API_KEY

pytestmark = pytest.mark.clients


def test_create_find_change_and_destroy(fleet: Any, simulator: SimulatorClient, db: Database) -> None:
    instance_id = new_instance_id()
    created = fleet.create_instance(instance_id, tools=["openrouter"])
    assert (created.instance_id, [*created.services.to_dict()]) == (instance_id, ["openrouter"])
    assert fleet.configure_instance(instance_id, {"COLOUR": "blue"}).ok is True
    provisioned = fleet.provision_tool(instance_id, "agentmail")
    assert fleet.destroy_tool(instance_id, "agentmail", provisioned.resource_id).deleted is True
    details = fleet.get_instance(instance_id)
    assert [tool.tool_id for tool in details.tools] == ["openrouter"]
    kinds = [operation.kind for operation in fleet.list_operations(instance_id=instance_id)]
    assert kinds == ["destroy_tool", "provision", "create"]
    entries = [entry.action for entry in fleet.list_audit_log(target=instance_id, action="instance.create")]
    assert entries == ["instance.create"]
    assert fleet.destroy_instance(instance_id).destroyed.service is True
    assert_nothing_is_left(simulator, db, instance_id)


def test_an_operation_that_outlasts_its_request_is_waited_for(
    sdk: ModuleType, proxy: CuttingProxy, simulator: SimulatorClient
) -> None:
    for operation in ("serviceCreate", "volumeCreate", "serviceInstanceDeployV2"):
        simulator.inject_fault("railway", operation, "slow", seconds=4)
    instance_id = new_instance_id()
    with sdk.Fleet(proxy.url, API_KEY) as fleet:
        created = fleet.create_instance(instance_id, tools=["openrouter"])
        assert (created.instance_id, [*created.services.to_dict()]) == (instance_id, ["openrouter"])
        assert any(request.startswith("GET /operations/") for request in proxy.requests)
        fleet.destroy_instance(instance_id)


def test_a_create_whose_answer_is_lost_makes_one_instance(
    sdk: ModuleType, proxy: CuttingProxy, retries: Any, simulator: SimulatorClient
) -> None:
    instance_id = new_instance_id()
    proxy.cut("POST /create-instance", times=2)
    with sdk.Fleet(proxy.url, API_KEY, retries=retries) as fleet:
        assert fleet.create_instance(instance_id, tools=["openrouter"]).instance_id == instance_id
        assert (proxy.cut_count, proxy.requests) == (2, ["POST /create-instance"] * 3)
        keys = {line for head in proxy.headers for line in head.splitlines() if line.lower().startswith("idempotency")}
        assert len(keys) == 1
        assert len([call for call in simulator.list_calls() if call.operation == "serviceCreate"]) == 1
        assert len([*fleet.list_operations(instance_id=instance_id)]) == 1
        fleet.destroy_instance(instance_id)


def test_a_failed_create_says_what_it_did_and_that_nothing_is_left(
    sdk: ModuleType, fleet: Any, simulator: SimulatorClient, db: Database
) -> None:
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    instance_id = new_instance_id()
    with pytest.raises(sdk.OperationFailed) as caught:
        fleet.create_instance(instance_id, tools=["openrouter"])
    error = caught.value
    assert (error.status, error.code, error.left) == (500, "OPERATION_FAILED", [])
    assert error.request_id
    steps = {step.name: step.status for step in error.operation.steps}
    assert (steps["service"], steps["undo"], error.operation.status) == ("failed", "succeeded", "failed")
    with pytest.raises(sdk.OperationFailed):
        fleet.wait_for_operation(error.operation.operation_id)
    assert_nothing_is_left(simulator, db, instance_id)


def test_a_leaked_operation_names_what_is_left_and_is_run_again(
    sdk: ModuleType, fleet: Any, simulator: SimulatorClient, db: Database
) -> None:
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    instance_id = new_instance_id()
    with pytest.raises(sdk.OperationFailed) as caught:
        fleet.create_instance(instance_id, tools=["openrouter"])
    operation_id = caught.value.operation.operation_id
    assert caught.value.operation.status == "leaked"
    assert len(caught.value.left) == 1
    assert operation_id in [operation.operation_id for operation in fleet.list_operations(status="leaked")]
    simulator.clear_faults()
    assert fleet.retry_operation(operation_id).status == "failed"
    assert_nothing_is_left(simulator, db, instance_id)


def test_lists_load_one_page_after_the_other(fleet: Any, db: Database, no_instances: None) -> None:
    created = {insert_instance(db) for _ in range(120)}
    assert [instance.instance_id for instance in fleet.list_instances()] != []
    assert {instance.instance_id for instance in fleet.list_instances()} == created
    assert {instance.instance_id for instance in fleet.list_instances(status="UNKNOWN", search="t")} == created


def test_a_generated_function_is_called_with_the_same_client(sdk: ModuleType, fleet: Any, person: Any) -> None:
    from pointsman_client.generated.api.agent_api import get_capabilities
    from pointsman_client.generated.api.services_api import get_maintenance, get_registry

    assert get_maintenance.sync(client=fleet.client).enabled is False
    assert {tool.id for tool in get_registry.sync(client=fleet.client).tools} == {"openrouter", "agentmail", "telnyx"}
    assert "time" in get_capabilities.sync(client=person.client).plugins


def test_a_tool_is_called(sdk: ModuleType, person: Any) -> None:
    assert "time.now" in {tool.id for tool in person.list_tools()}
    assert person.call_tool("time.now", {"timezone": "UTC"})["timezone"] == "UTC"
    with pytest.raises(sdk.PointsmanError) as caught:
        person.call_tool("time.now", {"timezone": "Nowhere"})
    assert (caught.value.status, caught.value.code) == (422, "VALIDATION_ERROR")
    assert caught.value.issues[0]["path"] == ["timezone"]
    with pytest.raises(sdk.PointsmanError) as caught:
        person.call_tool("instances.destroy", {"instanceId": "nobody"})
    assert (caught.value.status, caught.value.code) == (403, "APPROVAL_REQUIRED")


def test_a_wrong_credential_is_refused_and_shown_nowhere(sdk: ModuleType, stack: Stack) -> None:
    secret = "a-wrong-key-of-this-test"
    with sdk.Fleet(stack.url, secret) as fleet:
        with pytest.raises(sdk.PointsmanError) as caught:
            next(fleet.list_instances())
        assert (caught.value.status, caught.value.code) == (401, "UNAUTHENTICATED")
        shown = [repr(fleet), repr(fleet.client), repr(vars(fleet)), repr(caught.value), str(caught.value)]
        assert secret not in "".join([*shown, repr(vars(caught.value)), repr(fleet.client.get_httpx_client()._auth)])
    with sdk.Agent(stack.url, api_key=secret, user_id="ada") as agent:
        assert secret not in repr(agent) + repr(agent.client) + repr(vars(agent))
    with pytest.raises(ValueError, match="Authorization") as refused:
        sdk.Fleet(stack.url, f"{secret}\n")
    assert secret not in str(refused.value)


def test_no_server(sdk: ModuleType) -> None:
    with sdk.Fleet("http://127.0.0.1:1", API_KEY, retries=sdk.RetryPolicy(attempts=2, first_pause=0.01)) as fleet:
        with pytest.raises(sdk.PointsmanError) as caught:
            next(fleet.list_instances())
        assert (caught.value.status, caught.value.code, caught.value.attempts) == (None, "CONNECTION_FAILED", 2)

"""The instances plugin's approved tools do what the Services API does."""

import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import ToolFailed
from tests.agent.conftest import CallTool
from tests.harness.database import Database
from tests.harness.instances import assert_nothing_is_left, create_request, new_instance_id

USER = "user-1"


def test_an_instance_is_created_listed_configured_and_destroyed(
    call_tool: CallTool, simulator: SimulatorClient, db: Database
) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    body = create_request(new_instance_id(), ["openrouter"])
    instance_id = body["instanceId"]
    created = call_tool(USER, "instances.create", **body)
    assert set(created) == {"instanceId", "serviceId", "url", "services"}
    assert set(created["services"]) == {"openrouter"}
    assert call_tool(USER, "instances.create", **body) == created

    (row,) = [
        instance for instance in call_tool(USER, "instances.list")["instances"] if instance["instanceId"] == instance_id
    ]
    assert (row["serviceId"], [tool["toolId"] for tool in row["tools"]]) == (created["serviceId"], ["openrouter"])
    (status,) = call_tool(USER, "instances.status", instanceIds=[instance_id])["services"]
    assert (status["instanceId"], status["serviceId"]) == (instance_id, created["serviceId"])

    success = {"instanceId": instance_id, "ok": True}
    assert call_tool(USER, "instances.configure", instanceId=instance_id, variables={"LOG_LEVEL": "debug"}) == success
    assert call_tool(USER, "instances.redeploy", instanceId=instance_id) == success

    destroyed = call_tool(USER, "instances.destroy", instanceId=instance_id)
    assert destroyed["destroyed"] == {
        "openrouter": True,
        "agentmail": False,
        "telnyx": False,
        "volumes": True,
        "service": True,
    }
    assert_nothing_is_left(simulator, db, instance_id)


def test_an_instance_without_a_given_name_is_listed_by_the_fleet(
    call_tool: CallTool, simulator: SimulatorClient, db: Database
) -> None:
    instance_id = new_instance_id()
    created = call_tool(USER, "instances.create", instanceId=instance_id)
    assert "warnings" not in created
    (status,) = call_tool(USER, "instances.status", instanceIds=[instance_id])["services"]
    assert (status["name"], status["serviceId"]) == (f"convos-agent-{instance_id}", created["serviceId"])
    assert call_tool(USER, "instances.create", **create_request(instance_id, [])) == created
    call_tool(USER, "instances.destroy", instanceId=instance_id)
    assert_nothing_is_left(simulator, db, instance_id)


def test_a_slow_create_returns_its_operation_and_continues(
    call_tool: CallTool, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWER_WITHIN_SECONDS", "0")
    body = create_request(new_instance_id(), [])
    running = call_tool(USER, "instances.create", **body)
    assert running == {"instanceId": body["instanceId"], "operationId": running["operationId"], "status": "running"}
    monkeypatch.setenv("ANSWER_WITHIN_SECONDS", "20")
    assert "serviceId" in call_tool(USER, "instances.create", **body)
    call_tool(USER, "instances.destroy", instanceId=body["instanceId"])


def test_a_failed_operation_is_a_tool_error_with_its_message(call_tool: CallTool, simulator: SimulatorClient) -> None:
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    with pytest.raises(ToolFailed, match="Step service failed: railway serviceCreate") as failed:
        call_tool(USER, "instances.create", **create_request(new_instance_id(), []))
    assert failed.value.details["code"] == "OPERATION_FAILED"
    assert str(failed.value.details["operationId"]).startswith("op-")


def test_an_unknown_instance_is_not_found(call_tool: CallTool, simulator: SimulatorClient) -> None:
    for tool_id, more in (
        ("instances.destroy", {}),
        ("instances.redeploy", {}),
        ("instances.configure", {"variables": {"A": "planted-secret"}}),
    ):
        with pytest.raises(ToolFailed, match="Instance nobody not found") as failed:
            call_tool(USER, tool_id, instanceId="nobody", **more)
        assert "planted" not in failed.value.message

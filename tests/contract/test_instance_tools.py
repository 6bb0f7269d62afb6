"""Part A of the wire contract: provision and tool destroy of an existing instance."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.background import run_in_background
from tests.harness.database import Database, reset_fleet_tables, wait_for_blocked_sessions
from tests.harness.instances import (
    ENV_KEYS,
    assert_nothing_is_left,
    create_instance,
    create_request,
    new_instance_id,
    wait_for_operation,
)
from tests.harness.simulator import list_deployments
from tests.harness.wait import wait_until


@pytest.fixture(autouse=True)
def reset_tables(db: Database) -> None:
    reset_fleet_tables(db)


def provision(api: httpx.Client, instance: dict, tool: str, **body) -> httpx.Response:
    return api.post(f"/provision/{instance['instanceId']}/{tool}", **body)


def destroy_tool(api: httpx.Client, instance_id: str, tool: str, resource_id: str) -> httpx.Response:
    return api.delete(f"/destroy/{instance_id}/{tool}/{_percent_encode(resource_id)}")


def _percent_encode(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode())


def list_tool_rows(db: Database, instance: dict) -> list[dict]:
    query = "SELECT * FROM instance_services WHERE instance_id = %s ORDER BY id"
    return db.execute(query, (instance["instanceId"],)).fetchall()


@pytest.mark.parametrize("tool", ENV_KEYS)
def test_provision_creates_the_resource_sets_its_variables_and_records_it(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any], tool
) -> None:
    response = provision(api, instance, tool)
    assert response.status_code == 200, response.text
    provisioned = response.json()
    assert provisioned == {
        "toolId": tool, "resourceId": provisioned["resourceId"], "envKey": ENV_KEYS[tool][0], "status": "active",
    }  # fmt: skip
    (row,) = list_tool_rows(db, instance)
    assert (row["tool_id"], row["resource_id"], row["env_key"]) == (
        tool,
        provisioned["resourceId"],
        provisioned["envKey"],
    )
    assert row["status"] == "active"
    assert provisioned["resourceId"] in str(simulator.list_leftovers())
    deployments = list_deployments(simulator, instance["serviceId"])
    assert len(deployments) == 2
    assert deployments[-1]["variables"][provisioned["envKey"]] == row["env_value"]
    assert set(ENV_KEYS[tool]) <= set(deployments[-1]["variables"])
    assert "SETUP_PASSWORD" in deployments[-1]["variables"]
    destroyed = api.delete(f"/destroy/{instance['instanceId']}")
    assert destroyed.json()["destroyed"][tool] is True
    assert_nothing_is_left(simulator, db, instance["instanceId"])


@pytest.mark.parametrize(("body", "limit"), [({}, 20), ({"json": {}}, 20), ({"json": {"config": {}}}, 20),
                                             ({"json": {"config": {"limit": 2.5}}}, 2.5),
                                             ({"json": {"config": {"limit": 0}}}, 0)])  # fmt: skip
def test_limit_is_the_keys_spending_cap(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], body, limit
) -> None:
    key = provision(api, instance, "openrouter", **body).json()["resourceId"]
    assert simulator.get_state()["openrouter"]["keys"][key]["limit"] == limit


def test_provision_of_an_existing_tool_is_409(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    assert provision(api, instance, "agentmail").status_code == 200
    again = provision(api, instance, "agentmail")
    assert again.status_code == 409
    assert again.json()["error"] == f"Tool agentmail already provisioned for {instance['instanceId']}"
    assert len([leftover for leftover in simulator.list_leftovers() if leftover.kind == "inbox"]) == 1


def test_provision_refuses_unknown_tools_and_instances(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    calls = len(simulator.list_calls())
    unknown = provision(api, instance, "fax")
    assert (unknown.status_code, "fax" in unknown.json()["error"]) == (400, True)
    unknown_instance = api.post("/provision/nobody/openrouter")
    assert (unknown_instance.status_code, unknown_instance.json()["error"]) == (404, "Instance nobody not found")
    assert len(simulator.list_calls()) == calls


@pytest.mark.parametrize(("body", "says"), [('{"config": 5}', "config"), ('{"config": {"limit": "5"}}', "config.limit"),
                                            ('{"config": {"limit": -1}}', "config.limit"), ("[]", "object"),
                                            ('{"config": {"limit": NaN}}', "config.limit"), ("{", "JSON"),
                                            ('{"config": {"limit": true}}', "config.limit")])  # fmt: skip
def test_invalid_provision_is_400_and_names_the_field(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], body, says
) -> None:
    calls = len(simulator.list_calls())
    headers = {"Content-Type": "application/json"}
    response = provision(api, instance, "openrouter", content=body, headers=headers)
    assert response.status_code == 400, response.text
    assert says in response.json()["error"]
    assert len(simulator.list_calls()) == calls


@pytest.mark.parametrize(("provider", "operation"), [("telnyx", "orders.create"),
                                                     ("railway", "variableCollectionUpsert")])  # fmt: skip
def test_failed_provision_is_compensated_and_can_be_repeated(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any], provider, operation
) -> None:
    before = simulator.list_leftovers()
    fault = simulator.inject_fault(provider, operation, "refuse", times=None)
    failed = provision(api, instance, "telnyx")
    assert failed.status_code == 500, failed.text
    assert provider in failed.json()["error"]
    assert api.get(f"/operations/{failed.json()['operationId']}").json()["status"] == "failed"
    assert simulator.list_leftovers() == before
    assert list_tool_rows(db, instance) == []
    simulator.remove_fault(fault)
    assert provision(api, instance, "telnyx").status_code == 200


@pytest.mark.slow
def test_leaked_provision_is_finished_by_the_next_one(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    simulator.inject_fault("railway", "variableCollectionUpsert", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    failed = provision(api, instance, "openrouter")
    failed = wait_for_operation(api, failed.json()["operationId"]) if failed.status_code == 202 else failed.json()
    assert failed["status"] == "leaked"
    simulator.clear_faults()
    again = provision(api, instance, "openrouter")
    assert again.status_code == 200, again.text
    keys = [leftover.id for leftover in simulator.list_leftovers() if leftover.kind == "key"]
    assert keys == [again.json()["resourceId"]]


def test_concurrent_identical_provisions_create_one_resource_and_return_it_twice(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    stack.prewarm(["ProvisionFunction"] * 2)
    simulator.inject_fault("openrouter", "keys.create", "slow", seconds=1, times=1)
    with db.transaction():
        # Both requests have to arrive before either reads what runs.
        db.execute("LOCK TABLE operations")
        requests = [run_in_background(lambda: provision(api, instance, "openrouter")) for _ in range(2)]
        wait_for_blocked_sessions(stack.database_url, 2)
    first, second = (request.result() for request in requests)
    assert (first.status_code, second.status_code) == (200, 200), (first.text, second.text)
    assert first.json() == second.json()
    assert len([leftover for leftover in simulator.list_leftovers() if leftover.kind == "key"]) == 1


def test_two_tools_can_be_provisioned_concurrently(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    simulator.update_config({"latency_ms": 50})
    requests = [
        run_in_background(lambda tool=tool: provision(api, instance, tool)) for tool in ("openrouter", "agentmail")
    ]
    assert [request.result().status_code for request in requests] == [200, 200]
    assert {row["tool_id"] for row in list_tool_rows(db, instance)} == {"openrouter", "agentmail"}


def test_destroy_waits_for_the_instances_running_operation(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    simulator.update_config({"latency_ms": 50})
    provisioning = run_in_background(lambda: provision(api, instance, "openrouter"))
    wait_until(lambda: db.execute("SELECT FROM operations WHERE status = 'running'").fetchone() is not None)
    destroyed = api.delete(f"/destroy/{instance['instanceId']}")
    assert (provisioning.result().status_code, destroyed.status_code) == (200, 200), destroyed.text
    assert destroyed.json()["destroyed"]["openrouter"] is True
    assert_nothing_is_left(simulator, db, instance["instanceId"])


@pytest.mark.parametrize("tool", ENV_KEYS)
def test_tool_destroy_deletes_resource_and_row_only(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any], tool
) -> None:
    before = simulator.list_leftovers()
    resource = provision(api, instance, tool).json()["resourceId"]
    response = destroy_tool(api, instance["instanceId"], tool, resource)
    assert (response.status_code, response.json()) == (200, {"toolId": tool, "resourceId": resource, "deleted": True})
    assert simulator.list_leftovers() == before
    assert list_tool_rows(db, instance) == []
    again = destroy_tool(api, instance["instanceId"], tool, resource)
    assert (again.status_code, again.json()["deleted"]) == (200, False)
    assert provision(api, instance, tool).status_code == 200


def test_tool_destroy_of_a_tool_that_was_created_with_the_instance(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    provisioned = create_instance(api, create_request(new_instance_id())).json()
    number, inbox = provisioned["services"]["telnyx"]["resourceId"], provisioned["services"]["agentmail"]["resourceId"]
    assert number.startswith("+")
    assert "@" in inbox
    for tool, resource in (("telnyx", number), ("agentmail", inbox)):
        assert destroy_tool(api, provisioned["instanceId"], tool, resource).json()["deleted"] is True
    assert [row["tool_id"] for row in list_tool_rows(db, provisioned)] == ["openrouter"]
    destroyed = api.delete(f"/destroy/{provisioned['instanceId']}").json()["destroyed"]
    assert destroyed == {"openrouter": True, "agentmail": False, "telnyx": False, "volumes": True, "service": True}
    assert simulator.list_leftovers() == []


def test_tool_destroy_of_an_unknown_resource_is_false(api: httpx.Client, simulator: SimulatorClient) -> None:
    response = destroy_tool(api, "nobody", "agentmail", "nobody@agentmail.to")
    assert (response.status_code, response.json()["deleted"]) == (200, False)


def test_tool_destroy_deletes_a_resource_without_a_row(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    resource = provision(api, instance, "agentmail").json()["resourceId"]
    db.execute("DELETE FROM instance_services WHERE resource_id = %s", (resource,))
    db.execute("UPDATE operation_resources SET state = 'deleted' WHERE resource_id = %s", (resource,))
    assert destroy_tool(api, instance["instanceId"], "agentmail", resource).json()["deleted"] is True
    assert [leftover for leftover in simulator.list_leftovers() if leftover.kind == "inbox"] == []


def test_tool_destroy_needs_a_number_in_e164(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    """No row has the number in another form, so it would look like nobody's."""
    resource = provision(api, instance, "telnyx").json()["resourceId"]
    response = destroy_tool(api, instance["instanceId"], "telnyx", resource.removeprefix("+"))
    assert response.status_code == 404
    assert resource in str(simulator.list_leftovers())


def test_tool_destroy_never_deletes_another_instances_resource(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    resource = provision(api, instance, "agentmail").json()["resourceId"]
    response = destroy_tool(api, "somebody-else", "agentmail", resource)
    assert (response.status_code, instance["instanceId"] in response.json()["error"]) == (409, True)
    assert resource in {leftover.id for leftover in simulator.list_leftovers()}
    assert len(list_tool_rows(db, instance)) == 1


def test_failed_tool_destroy_keeps_the_row_and_can_be_retried(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    resource = provision(api, instance, "openrouter").json()["resourceId"]
    fault = simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    failed = destroy_tool(api, instance["instanceId"], "openrouter", resource)
    assert failed.status_code == 500, failed.text
    assert failed.json()["deleted"] is False
    assert "openrouter" in failed.json()["error"]
    (row,) = list_tool_rows(db, instance)
    assert row["status"] == "destroy_failed"
    simulator.remove_fault(fault)
    assert destroy_tool(api, instance["instanceId"], "openrouter", resource).json()["deleted"] is True
    assert list_tool_rows(db, instance) == []


@pytest.mark.parametrize(("tool", "resource", "status"), [("fax", "x", 400), ("telnyx", "a/b", 404),
                                                          ("telnyx", "\n", 400), ("openrouter", "50%25", 404),
                                                          ("agentmail", "x" * 300, 404), ("agentmail", "🙂", 404),
                                                          ("openrouter", "..", 404), ("telnyx", '"', 404)])  # fmt: skip
def test_invalid_tool_destroy_is_4xx_and_changes_nothing(
    api: httpx.Client, simulator: SimulatorClient, db: Database, tool, resource, status
) -> None:
    before = db.execute("SELECT count(*) AS n FROM operations").fetchone()
    response = destroy_tool(api, "somebody", tool, resource)
    assert response.status_code == status, response.text
    assert isinstance(response.json()["error"], str)
    assert db.execute("SELECT count(*) AS n FROM operations").fetchone() == before
    assert simulator.list_calls() == []

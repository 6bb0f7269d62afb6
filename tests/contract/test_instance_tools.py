"""Part A of the wire contract: provision, tool destroy, configure and redeploy of an instance that is there."""

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
    wait_until_deployed,
)
from tests.harness.simulator import list_deployments
from tests.harness.wait import wait_until


@pytest.fixture(autouse=True)
def reset_tables(db: Database) -> None:
    reset_fleet_tables(db)


@pytest.fixture
def instance(api: httpx.Client) -> dict:
    """An instance without tools."""
    body = create_request(new_instance_id(), [])
    answer = create_instance(api, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def provision(api: httpx.Client, instance: dict, tool: str, **body) -> httpx.Response:
    return api.post(f"/provision/{instance['instanceId']}/{tool}", **body)


def destroy_tool(api: httpx.Client, instance_id: str, tool: str, resource_id: str) -> httpx.Response:
    return api.delete(f"/destroy/{instance_id}/{tool}/{_percent_encode(resource_id)}")


def _percent_encode(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode())


def list_tool_rows(db: Database, instance: dict) -> list[dict]:
    query = "SELECT * FROM instance_services WHERE instance_id = %s ORDER BY id"
    return db.execute(query, (instance["instanceId"],)).fetchall()


def get_newest_deployment(simulator: SimulatorClient, instance: dict) -> dict:
    deployments = list_deployments(simulator, instance["serviceId"])
    return {"count": len(deployments), **deployments[-1]}


@pytest.mark.parametrize("tool", ENV_KEYS)
def test_provision_creates_the_resource_sets_its_variables_and_records_it(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any], tool
) -> None:
    answer = provision(api, instance, tool)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made == {
        "toolId": tool, "resourceId": made["resourceId"], "envKey": ENV_KEYS[tool][0], "status": "active",
    }  # fmt: skip
    (row,) = list_tool_rows(db, instance)
    assert (row["tool_id"], row["resource_id"], row["env_key"]) == (tool, made["resourceId"], made["envKey"])
    assert row["status"] == "active"
    assert made["resourceId"] in str(simulator.list_leftovers())
    deployment = get_newest_deployment(simulator, instance)
    assert deployment["count"] == 2
    assert deployment["variables"][made["envKey"]] == row["env_value"]
    assert set(ENV_KEYS[tool]) <= set(deployment["variables"])
    assert "SETUP_PASSWORD" in deployment["variables"]
    gone = api.delete(f"/destroy/{instance['instanceId']}")
    assert gone.json()["destroyed"][tool] is True
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
    assert len([left for left in simulator.list_leftovers() if left.kind == "inbox"]) == 1


def test_provision_refuses_unknown_tools_and_instances(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    calls = len(simulator.list_calls())
    unknown = provision(api, instance, "fax")
    assert (unknown.status_code, "fax" in unknown.json()["error"]) == (400, True)
    nobody = api.post("/provision/nobody/openrouter")
    assert (nobody.status_code, nobody.json()["error"]) == (404, "Instance nobody not found")
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
    answer = provision(api, instance, "openrouter", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["error"]
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
    keys = [left.id for left in simulator.list_leftovers() if left.kind == "key"]
    assert keys == [again.json()["resourceId"]]


def test_concurrent_identical_provisions_create_one_resource_and_return_it_twice(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    stack.prewarm(["ProvisionFunction"] * 2)
    simulator.inject_fault("openrouter", "keys.create", "slow", seconds=1, times=1)
    with db.transaction():
        # Neither request finds out what runs before both are here.
        db.execute("LOCK TABLE operations")
        requests = [run_in_background(lambda: provision(api, instance, "openrouter")) for _ in range(2)]
        wait_for_blocked_sessions(stack.database_url, 2)
    first, second = (request.result() for request in requests)
    assert (first.status_code, second.status_code) == (200, 200), (first.text, second.text)
    assert first.json() == second.json()
    assert len([left for left in simulator.list_leftovers() if left.kind == "key"]) == 1


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
    gone = api.delete(f"/destroy/{instance['instanceId']}")
    assert (provisioning.result().status_code, gone.status_code) == (200, 200), gone.text
    assert gone.json()["destroyed"]["openrouter"] is True
    assert_nothing_is_left(simulator, db, instance["instanceId"])


@pytest.mark.parametrize("tool", ENV_KEYS)
def test_tool_destroy_deletes_resource_and_row_only(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any], tool
) -> None:
    before = simulator.list_leftovers()
    resource = provision(api, instance, tool).json()["resourceId"]
    answer = destroy_tool(api, instance["instanceId"], tool, resource)
    assert (answer.status_code, answer.json()) == (200, {"toolId": tool, "resourceId": resource, "deleted": True})
    assert simulator.list_leftovers() == before
    assert list_tool_rows(db, instance) == []
    again = destroy_tool(api, instance["instanceId"], tool, resource)
    assert (again.status_code, again.json()["deleted"]) == (200, False)
    assert provision(api, instance, tool).status_code == 200


def test_tool_destroy_of_a_tool_that_was_created_with_the_instance(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    made = create_instance(api, create_request(new_instance_id())).json()
    number, inbox = made["services"]["telnyx"]["resourceId"], made["services"]["agentmail"]["resourceId"]
    assert number.startswith("+")
    assert "@" in inbox
    for tool, resource in (("telnyx", number), ("agentmail", inbox)):
        assert destroy_tool(api, made["instanceId"], tool, resource).json()["deleted"] is True
    assert [row["tool_id"] for row in list_tool_rows(db, made)] == ["openrouter"]
    gone = api.delete(f"/destroy/{made['instanceId']}").json()["destroyed"]
    assert gone == {"openrouter": True, "agentmail": False, "telnyx": False, "volumes": True, "service": True}
    assert simulator.list_leftovers() == []


def test_tool_destroy_of_an_unknown_resource_is_false(api: httpx.Client, simulator: SimulatorClient) -> None:
    answer = destroy_tool(api, "nobody", "agentmail", "nobody@agentmail.to")
    assert (answer.status_code, answer.json()["deleted"]) == (200, False)


def test_tool_destroy_deletes_a_resource_without_a_row(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    resource = provision(api, instance, "agentmail").json()["resourceId"]
    db.execute("DELETE FROM instance_services WHERE resource_id = %s", (resource,))
    db.execute("UPDATE operation_resources SET state = 'deleted' WHERE resource_id = %s", (resource,))
    assert destroy_tool(api, instance["instanceId"], "agentmail", resource).json()["deleted"] is True
    assert [left for left in simulator.list_leftovers() if left.kind == "inbox"] == []


def test_tool_destroy_needs_a_number_in_e164(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    """Written otherwise no row names it, and it would be taken for nobody's."""
    resource = provision(api, instance, "telnyx").json()["resourceId"]
    answer = destroy_tool(api, instance["instanceId"], "telnyx", resource.removeprefix("+"))
    assert answer.status_code == 404
    assert resource in str(simulator.list_leftovers())


def test_tool_destroy_never_deletes_another_instances_resource(
    api: httpx.Client, simulator: SimulatorClient, db: Database, instance: dict[str, Any]
) -> None:
    resource = provision(api, instance, "agentmail").json()["resourceId"]
    answer = destroy_tool(api, "somebody-else", "agentmail", resource)
    assert (answer.status_code, instance["instanceId"] in answer.json()["error"]) == (409, True)
    assert resource in {left.id for left in simulator.list_leftovers()}
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
    answer = destroy_tool(api, "somebody", tool, resource)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["error"], str)
    assert db.execute("SELECT count(*) AS n FROM operations").fetchone() == before
    assert simulator.list_calls() == []


@pytest.mark.parametrize("redeploy", [None, False, True])
def test_configure_sets_variables_and_deploys_only_on_request(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], redeploy
) -> None:
    body = {"variables": {"GREETING": "good 🙂\nmorning", "EMPTY": ""}}
    answer = api.post(
        f"/configure/{instance['instanceId']}", json=body if redeploy is None else {**body, "redeploy": redeploy}
    )
    assert (answer.status_code, answer.json()) == (200, {"instanceId": instance["instanceId"], "ok": True})
    deployment = get_newest_deployment(simulator, instance)
    assert deployment["count"] == (2 if redeploy else 1)
    variables = _get_variables(simulator, instance)
    assert (variables["GREETING"], variables["EMPTY"]) == ("good 🙂\nmorning", "")
    assert "SETUP_PASSWORD" in variables
    if redeploy:
        assert deployment["variables"]["GREETING"] == "good 🙂\nmorning"


BAD_VARIABLES = [
    ("", "JSON"), ("{}", "variables"), ('{"variables": {}}', "variables"), ('{"variables": null}', "variables"),
    ('{"variables": ["A"]}', "variables"), ('{"variables": {"A": 1}}', "variables.A"),
    ('{"variables": {"": "x"}}', "name"), ('{"variables": {"A=B": "x"}}', "name"),
    ('{"variables": {"A": "\\u0000"}}', "NUL"), ('{"variables": {"A": "\\ud800"}}', "surrogate"),
    ('{"variables": {"A": null}}', "variables.A"), ('{"variables": {"A": "x"}, "redeploy": "yes"}', "redeploy"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "says"), BAD_VARIABLES)
def test_invalid_configure_is_400_names_the_field_and_changes_nothing(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], body, says
) -> None:
    calls = len(simulator.list_calls())
    headers = {"Content-Type": "application/json"}
    answer = api.post(f"/configure/{instance['instanceId']}", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["error"]
    assert len(simulator.list_calls()) == calls


def test_configure_never_repeats_a_value(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    simulator.inject_fault("railway", "variableCollectionUpsert", "refuse", times=None)
    for variables in ({"TOKEN": "planted-value-1"}, {"TOKEN": ["planted-value-1"]}, {"A-B": "planted-value-1"}):
        answer = api.post(f"/configure/{instance['instanceId']}", json={"variables": variables})
        assert answer.status_code >= 400
        assert "planted-value-1" not in answer.text


def test_redeploy_deploys_the_newest_deployment_again(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    wait_until_deployed(api, instance["instanceId"])
    headers = {"Content-Type": "application/json"}
    answer = api.post(f"/redeploy/{instance['instanceId']}", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"instanceId": instance["instanceId"], "ok": True})
    assert get_newest_deployment(simulator, instance)["count"] == 2


def test_redeploy_without_a_deployment_is_500(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], db: Database
) -> None:
    (service_id,) = simulator.seed_services(1, prefix="bare-", bare=True)
    db.execute(
        "UPDATE instance_infra SET provider_service_id = %s WHERE instance_id = %s",
        (service_id, instance["instanceId"]),
    )
    answer = api.post(f"/redeploy/{instance['instanceId']}")
    assert (answer.status_code, answer.json()["error"]) == (500, "No deployment found to redeploy")


def test_redeploy_during_a_build_asks_to_wait(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 60}})
    assert api.post(f"/configure/{instance['instanceId']}", json={"variables": {"A": "b"}, "redeploy": True}).is_success
    answer = api.post(f"/redeploy/{instance['instanceId']}")
    assert (answer.status_code, "wait" in answer.json()["error"]) == (500, True)


@pytest.mark.parametrize("path", ["/redeploy/nobody", "/configure/nobody"])
def test_unknown_instance_is_404(api: httpx.Client, simulator: SimulatorClient, path) -> None:
    answer = api.post(path, json={"variables": {"A": "b"}})
    assert (answer.status_code, answer.json()["error"]) == (404, "Instance nobody not found")
    assert simulator.list_calls() == []


@pytest.mark.parametrize(("path", "status"), [("/redeploy/", 500), ("/configure/", 502)])
def test_failure_of_railway_is_named(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], path, status
) -> None:
    for operation in ("deploymentRedeploy", "variableCollectionUpsert"):
        simulator.inject_fault("railway", operation, "refuse", times=None)
    answer = api.post(path + instance["instanceId"], json={"variables": {"A": "b"}})
    assert answer.status_code == status
    assert "railway" in answer.json()["error"]


def _get_variables(simulator: SimulatorClient, instance: dict) -> dict[str, str]:
    instances = simulator.get_state()["railway"]["instances"]
    return instances[f"{instance['serviceId']}:sim-environment"]["variables"]

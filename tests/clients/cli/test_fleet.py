"""Instances and operations on the command line."""

import json

import pytest

from local.simulator.client import SimulatorClient
from tests.clients.cli.program import Program
from tests.clients.cutting_proxy import CuttingProxy
from tests.harness.database import Database
from tests.harness.instances import assert_nothing_is_left, new_instance_id

pytestmark = pytest.mark.clients


def test_the_life_of_an_instance_in_json(pointsman: Program, simulator: SimulatorClient, db: Database) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    instance_id = new_instance_id()
    created = pointsman.run_json("instances", "create", instance_id, "--tool", "openrouter")
    assert (created["instanceId"], [*created["services"]]) == (instance_id, ["openrouter"])
    (listed,) = pointsman.run_json("instances", "list", "--search", instance_id)
    assert listed["serviceId"] == created["serviceId"]
    assert pointsman.run_json("instances", "configure", instance_id, "COLOUR=blue")["ok"] is True
    secrets = json.dumps({"TOKEN": "a-secret-of-this-test"})
    assert pointsman.run_json("instances", "configure", instance_id, "--file", "-", stdin=secrets)["ok"] is True
    assert pointsman.run_json("instances", "provision", instance_id, "agentmail")["status"] == "active"
    assert pointsman.run_json("instances", "redeploy", instance_id)["ok"] is True
    details = pointsman.run_json("instances", "get", instance_id)
    assert {tool["toolId"] for tool in details["tools"]} == {"openrouter", "agentmail"}
    operations = pointsman.run_json("operations", "list", "--instance", instance_id)
    assert [operation["kind"] for operation in operations] == ["provision", "create"]
    states = pointsman.run_lines("operations", "watch", operations[-1]["operationId"])
    assert (states[-1]["status"], {step["status"] for step in states[-1]["steps"]}) == ("succeeded", {"succeeded"})
    assert pointsman.run_json("operations", "get", operations[-1]["operationId"]) == states[-1]
    (entry,) = pointsman.run_json("audit", "--target", instance_id, "--action", "instance.create")
    assert entry["outcome"] == "succeeded"
    assert pointsman.run_json("instances", "destroy", instance_id, "--yes")["destroyed"]["service"] is True
    assert_nothing_is_left(simulator, db, instance_id)


def test_text_for_people(pointsman: Program, no_instances: None) -> None:
    instance_id = new_instance_id()
    assert f"instanceId  {instance_id}" in pointsman.run("instances", "create", instance_id).stdout
    assert instance_id in pointsman.run("instances", "list").stdout
    shown = pointsman.run("instances", "get", instance_id).stdout
    assert "OPERATION" in shown
    operation_id = pointsman.run_json("operations", "list", "--instance", instance_id)[0]["operationId"]
    assert "✓ service" in pointsman.run("operations", "watch", operation_id).stdout
    assert operation_id in pointsman.run("operations", "list", "--kind", "create").stdout
    assert instance_id in pointsman.run("audit", "--target", instance_id).stdout
    pointsman.run("instances", "destroy", instance_id, "--yes")


def test_a_destroy_is_confirmed_by_a_person(pointsman: Program, no_instances: None) -> None:
    instance_id = new_instance_id()
    pointsman.run("instances", "create", instance_id)
    assert "--yes" in pointsman.run("instances", "destroy", instance_id, code=7).stderr
    with pointsman.open_terminal("instances", "destroy", instance_id) as terminal:
        terminal.wait_for("[y/N]")
        terminal.type("n\n")
        assert terminal.wait() == 1
    assert len(pointsman.run_json("instances", "list", "--search", instance_id)) == 1
    with pointsman.open_terminal("instances", "destroy", instance_id) as terminal:
        terminal.wait_for("[y/N]")
        terminal.type("y\n")
        terminal.wait_for("destroyed")
        assert terminal.wait() == 0
    assert pointsman.run_json("instances", "list", "--search", instance_id) == []


def test_a_failed_create_says_what_was_undone(pointsman: Program, simulator: SimulatorClient, db: Database) -> None:
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    instance_id = new_instance_id()
    failed = pointsman.run("instances", "create", instance_id, "--tool", "openrouter", code=5)
    assert failed.stdout == ""
    assert "✗ service" in failed.stderr
    assert "Undone: openrouter. Nothing is left." in failed.stderr
    error = pointsman.run_error("instances", "create", new_instance_id(), "--tool", "openrouter", code=5)
    assert (error["code"], error["status"], error["operation"]["status"]) == ("OPERATION_FAILED", 500, "failed")
    assert error["requestId"]
    states = pointsman.run_lines("operations", "watch", error["operation"]["operationId"], code=5)
    assert states[-1]["status"] == "failed"
    assert_nothing_is_left(simulator, db, instance_id)


def test_a_leaked_operation_is_found_retried_and_abandoned(
    pointsman: Program, simulator: SimulatorClient, db: Database
) -> None:
    simulator.inject_fault("railway", "serviceCreate", "refuse", times=None)
    simulator.inject_fault("openrouter", "keys.delete", "refuse", times=None)
    failed = [
        pointsman.run_error("instances", "create", new_instance_id(), "--tool", "openrouter", code=5) for _ in range(2)
    ]
    first, second = [error["operation"]["operationId"] for error in failed]
    assert failed[0]["details"]["left"]
    leaked = {operation["operationId"] for operation in pointsman.run_json("operations", "list", "--status", "leaked")}
    assert {first, second} <= leaked
    assert "Left, and may cost money" in pointsman.run("operations", "retry", first, code=5).stderr
    pointsman.run("operations", "abandon", second, code=7)
    assert pointsman.run_json("operations", "abandon", second, "--yes")["status"] == "failed"
    simulator.clear_faults()
    assert pointsman.run_json("operations", "retry", first)["status"] == "failed"


def test_waiting_ends_at_the_timeout(pointsman: Program, simulator: SimulatorClient) -> None:
    for operation in ("serviceCreate", "volumeCreate", "serviceInstanceDeployV2"):
        simulator.inject_fault("railway", operation, "slow", seconds=4.5)
    instance_id = new_instance_id()
    error = pointsman.run_error("instances", "create", instance_id, "--timeout", "0.1", code=6)
    watched = pointsman.run("operations", "watch", error["details"]["operationId"])
    assert "succeeded" in watched.stdout.splitlines()[-1] or "✓" in watched.stdout
    pointsman.run("instances", "destroy", instance_id, "--yes")


def test_a_lost_answer_makes_one_instance(pointsman: Program, proxy: CuttingProxy, simulator: SimulatorClient) -> None:
    instance_id = new_instance_id()
    proxy.cut("POST /create-instance")
    pointsman.replace(POINTSMAN_URL=proxy.url).run_json("instances", "create", instance_id)
    assert proxy.cut_count == 1
    assert len([call for call in simulator.list_calls() if call.operation == "serviceCreate"]) == 1
    pointsman.run("instances", "destroy", instance_id, "--yes")


def test_what_is_not_there_and_what_is_wrong(pointsman: Program) -> None:
    error = pointsman.run_error("instances", "get", "nobody", code=4)
    assert (error["status"], error["code"]) == (404, "NOT_FOUND")
    assert "NOT_FOUND" in pointsman.run("operations", "get", "op-unknown", code=4).stderr
    assert pointsman.run_error("instances", "create", "a b", code=1)["code"] == "INVALID_INPUT"
    assert pointsman.run("instances", "list", "--colour", code=2).stdout == ""
    assert pointsman.run_error("instances", "configure", "nobody", code=2)["code"] == "USAGE"
    nobody = pointsman.replace(POINTSMAN_URL="http://127.0.0.1:1")
    assert nobody.run_error("instances", "list", code=1)["code"] == "CONNECTION_FAILED"

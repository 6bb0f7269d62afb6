"""Part A of the wire contract: configure and redeploy of an existing instance."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.instances import wait_until_deployed
from tests.harness.simulator import list_deployments


@pytest.fixture(autouse=True)
def reset_tables(db: Database) -> None:
    reset_fleet_tables(db)


@pytest.mark.parametrize("redeploy", [None, False, True])
def test_configure_sets_variables_and_deploys_only_on_request(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], redeploy
) -> None:
    body = {"variables": {"GREETING": "good 🙂\nmorning", "EMPTY": ""}}
    response = api.post(
        f"/configure/{instance['instanceId']}", json=body if redeploy is None else {**body, "redeploy": redeploy}
    )
    assert (response.status_code, response.json()) == (200, {"instanceId": instance["instanceId"], "ok": True})
    deployments = list_deployments(simulator, instance["serviceId"])
    assert len(deployments) == (2 if redeploy else 1)
    variables = _get_variables(simulator, instance)
    assert (variables["GREETING"], variables["EMPTY"]) == ("good 🙂\nmorning", "")
    assert "SETUP_PASSWORD" in variables
    if redeploy:
        assert deployments[-1]["variables"]["GREETING"] == "good 🙂\nmorning"


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
    response = api.post(f"/configure/{instance['instanceId']}", content=body, headers=headers)
    assert response.status_code == 400, response.text
    assert says in response.json()["error"]
    assert len(simulator.list_calls()) == calls


def test_configure_never_repeats_a_value(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    simulator.inject_fault("railway", "variableCollectionUpsert", "refuse", times=None)
    for variables in ({"TOKEN": "planted-value-1"}, {"TOKEN": ["planted-value-1"]}, {"A-B": "planted-value-1"}):
        response = api.post(f"/configure/{instance['instanceId']}", json={"variables": variables})
        assert response.status_code >= 400
        assert "planted-value-1" not in response.text


def test_redeploy_deploys_the_newest_deployment_again(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    wait_until_deployed(api, instance["instanceId"])
    headers = {"Content-Type": "application/json"}
    response = api.post(f"/redeploy/{instance['instanceId']}", headers=headers)
    assert (response.status_code, response.json()) == (200, {"instanceId": instance["instanceId"], "ok": True})
    assert len(list_deployments(simulator, instance["serviceId"])) == 2


def test_redeploy_without_a_deployment_is_500(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], db: Database
) -> None:
    (service_id,) = simulator.seed_services(1, prefix="bare-", bare=True)
    db.execute(
        "UPDATE instance_infra SET provider_service_id = %s WHERE instance_id = %s",
        (service_id, instance["instanceId"]),
    )
    response = api.post(f"/redeploy/{instance['instanceId']}")
    assert (response.status_code, response.json()["error"]) == (500, "No deployment found to redeploy")


def test_redeploy_during_a_build_asks_to_wait(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any]
) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 60}})
    assert api.post(f"/configure/{instance['instanceId']}", json={"variables": {"A": "b"}, "redeploy": True}).is_success
    response = api.post(f"/redeploy/{instance['instanceId']}")
    assert (response.status_code, "wait" in response.json()["error"]) == (500, True)


@pytest.mark.parametrize("path", ["/redeploy/nobody", "/configure/nobody"])
def test_unknown_instance_is_404(api: httpx.Client, simulator: SimulatorClient, path) -> None:
    response = api.post(path, json={"variables": {"A": "b"}})
    assert (response.status_code, response.json()["error"]) == (404, "Instance nobody not found")
    assert simulator.list_calls() == []


@pytest.mark.parametrize(("path", "status"), [("/redeploy/", 500), ("/configure/", 502)])
def test_failure_of_railway_is_named(
    api: httpx.Client, simulator: SimulatorClient, instance: dict[str, Any], path, status
) -> None:
    for operation in ("deploymentRedeploy", "variableCollectionUpsert"):
        simulator.inject_fault("railway", operation, "refuse", times=None)
    response = api.post(path + instance["instanceId"], json={"variables": {"A": "b"}})
    assert response.status_code == status
    assert "railway" in response.json()["error"]


def _get_variables(simulator: SimulatorClient, instance: dict) -> dict[str, str]:
    instances = simulator.get_state()["railway"]["instances"]
    return instances[f"{instance['serviceId']}:sim-environment"]["variables"]

"""`status/batch` with `maxAgeSeconds`: answers from the last complete listing, which never lacks a living instance."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.provider_api import ProviderClient
from tests.harness.simulator import called_operations, set_deployment_status
from tests.harness.status_poller import insert_instances, run_status_poller

MINUTE = 60


@pytest.fixture(autouse=True)
def no_listing(db: Database) -> Iterator[None]:
    """No instance and no listing of another test, and none that is left for another one."""
    reset_fleet_tables(db)
    db.execute("DELETE FROM fleet_listings")
    yield
    reset_fleet_tables(db)
    db.execute("DELETE FROM fleet_listings")


def read_fleet(api: httpx.Client, **body: object) -> dict[str, Any]:
    response = api.post("/status/batch", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def by_id(fleet: dict[str, Any]) -> dict[str, dict[str, Any]]:
    services = fleet["services"]
    assert len({service["serviceId"] for service in services}) == len(services)
    return {service["instanceId"]: service for service in services}


def count_railway_calls(simulator: SimulatorClient) -> int:
    return len(called_operations(simulator, "railway"))


def age_listing(db: Database, seconds: float) -> None:
    """Let the recorded listing be older."""
    db.execute("UPDATE fleet_listings SET listed_at = listed_at - make_interval(secs => %s)", (seconds,))


def test_a_snapshot_equals_the_live_answer_and_asks_no_provider(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, providers: ProviderClient
) -> None:
    services = simulator.seed_services(3, prefix="convos-agent-seed-")
    simulator.seed_services(2, prefix="something-else")
    simulator.seed_services(1, prefix="convos-agent-bare-", bare=True)
    providers.create_service("convos-agent-pool-manager")
    set_deployment_status(simulator, services[1], "CRASHED")
    run_status_poller(stack)
    live = read_fleet(api)
    assert "ageSeconds" not in live
    assert "asOf" not in live
    calls = count_railway_calls(simulator)
    snapshot = read_fleet(api, maxAgeSeconds=MINUTE)
    assert count_railway_calls(simulator) == calls
    assert by_id(snapshot) == by_id(live)
    assert len(by_id(live)) == 4
    assert snapshot["projectId"] == live["projectId"]
    assert 0 < snapshot["ageSeconds"] < MINUTE
    assert snapshot["asOf"].endswith("Z")
    only = read_fleet(api, maxAgeSeconds=MINUTE, instanceIds=["seed-00002", "unknown"])
    assert [service["deployStatus"] for service in only["services"]] == ["CRASHED"]
    assert by_id(only) == by_id(read_fleet(api, instanceIds=["seed-00002", "unknown"]))


def test_without_a_recent_listing_it_is_live_and_becomes_the_next_snapshot(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    simulator.seed_services(3)
    first = read_fleet(api, maxAgeSeconds=MINUTE, instanceIds=["00002"])
    assert (first["ageSeconds"], count_railway_calls(simulator)) == (0, 1)
    assert list(by_id(first)) == ["00002"]
    second = read_fleet(api, maxAgeSeconds=MINUTE)
    assert second["ageSeconds"] > 0
    assert second["asOf"] == first["asOf"]
    assert set(by_id(second)) == {"00001", "00002", "00003"}
    age_listing(db, MINUTE)
    simulator.seed_services(1, prefix="convos-agent-new-")
    third = read_fleet(api, maxAgeSeconds=MINUTE)
    assert (third["ageSeconds"], len(third["services"]), count_railway_calls(simulator)) == (0, 4, 2)
    assert read_fleet(api, maxAgeSeconds=0)["ageSeconds"] == 0
    assert count_railway_calls(simulator) == 3


def test_a_failed_poll_leaves_the_age_growing_and_no_partial_listing(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    simulator.update_config({"railway": {"page_max": 2}})
    simulator.seed_services(3)
    run_status_poller(stack)
    before = read_fleet(api, maxAgeSeconds=MINUTE)
    age_listing(db, 30)
    simulator.inject_fault("railway", "environment", "server_error", times=None, after=1)
    assert run_status_poller(stack).result.error is not None
    after = read_fleet(api, maxAgeSeconds=MINUTE)
    assert after["ageSeconds"] > 30
    assert by_id(after) == by_id(before)
    response = api.post("/status/batch", json={"maxAgeSeconds": 20})
    assert (response.status_code, "services" in response.json()) == (502, False)
    assert by_id(read_fleet(api, maxAgeSeconds=MINUTE)) == by_id(before)


def test_an_instance_created_since_the_listing_is_in_the_snapshot_and_a_destroyed_one_is_not(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient
) -> None:
    kept, destroyed, created = (create_request(new_instance_id(), []) for _ in range(3))
    assert create_instance(api, kept).status_code == 200
    assert create_instance(api, destroyed).status_code == 200
    run_status_poller(stack)
    response = create_instance(api, created).json()
    assert api.delete(f"/destroy/{destroyed['instanceId']}").status_code == 200
    snapshot, live = by_id(read_fleet(api, maxAgeSeconds=MINUTE)), by_id(read_fleet(api))
    assert set(snapshot) == set(live) == {kept["instanceId"], created["instanceId"]}
    new, new_live = snapshot[created["instanceId"]], live[created["instanceId"]]
    assert new["deployStatus"] in ("INITIALIZING", "DEPLOYING", "SUCCESS")
    assert {**new, "deployStatus": None} == {**new_live, "deployStatus": None}
    assert f"https://{new['domain']}" == response["url"]
    only = read_fleet(api, maxAgeSeconds=MINUTE, instanceIds=[created["instanceId"]])
    assert by_id(only) == {created["instanceId"]: new}


def test_an_instance_that_railways_listing_lacked_for_its_lag_is_in_the_snapshot(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient
) -> None:
    body = create_request(new_instance_id(), [])
    assert create_instance(api, body).status_code == 200
    simulator.update_config({"railway": {"service_lag_s": 3600}})
    assert run_status_poller(stack).counts["services"] == 0
    assert by_id(read_fleet(api)) == {}
    assert list(by_id(read_fleet(api, maxAgeSeconds=MINUTE))) == [body["instanceId"]]


def test_a_service_of_a_create_that_still_runs_is_in_the_snapshot(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    run_status_poller(stack)
    instance_id = new_instance_id()
    db.execute(
        "INSERT INTO operations (id, instance_id, kind, request) VALUES ('op-snapshot', %s, 'create', %s)",
        (instance_id, f'{{"name": "convos-agent-{instance_id}", "tools": []}}'),
    )
    db.execute(
        "INSERT INTO operation_resources (operation_id, instance_id, provider, kind, plan, state, resource_id)"
        " VALUES ('op-snapshot', %s, 'railway', 'service', '{}', 'created', 'service-of-a-create')",
        (instance_id,),
    )
    try:
        assert read_fleet(api, maxAgeSeconds=MINUTE)["services"] == [
            {
                "instanceId": instance_id, "serviceId": "service-of-a-create", "name": f"convos-agent-{instance_id}",
                "deployStatus": None, "domain": None, "image": None, "environmentIds": ["sim-environment"],
            }
        ]  # fmt: skip
    finally:
        db.execute("DELETE FROM operation_resources WHERE operation_id = 'op-snapshot'")
        db.execute("DELETE FROM operations WHERE id = 'op-snapshot'")


def test_an_instance_of_another_program_makes_the_answer_live_until_it_is_listed(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    """Its service's name is in no table, so a snapshot could not have it."""
    run_status_poller(stack)
    insert_instances(db, simulator.seed_services(1), age="0 seconds")
    answer = read_fleet(api, maxAgeSeconds=MINUTE)
    assert (answer["ageSeconds"], list(by_id(answer))) == (0, ["00001"])
    again = read_fleet(api, maxAgeSeconds=MINUTE)
    assert again["ageSeconds"] > 0
    assert by_id(again) == by_id(answer)


def test_an_older_listing_does_not_replace_a_newer_one(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    simulator.seed_services(2)
    run_status_poller(stack)
    age_listing(db, -3600)
    simulator.seed_services(1, prefix="convos-agent-late-")
    run_status_poller(stack)
    assert set(by_id(read_fleet(api, maxAgeSeconds=MINUTE))) == {"00001", "00002"}


def test_a_listing_of_another_environment_or_project_is_not_used(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    simulator.seed_services(1)
    for column in ("environment_id", "project_id"):
        db.execute("DELETE FROM fleet_listings")
        row = {"environment_id": "sim-environment", "project_id": "sim-project", column: "another"}
        db.execute(
            "INSERT INTO fleet_listings (environment_id, project_id, environment_name, listed_at)"
            " VALUES (%s, %s, '', clock_timestamp())",
            (row["environment_id"], row["project_id"]),
        )
        assert read_fleet(api, maxAgeSeconds=MINUTE)["ageSeconds"] == 0


def test_unchanged_services_are_not_written_again(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    services = simulator.seed_services(3)
    versions = "SELECT service_id, xmin::text, xmax::text FROM listed_services ORDER BY name"
    run_status_poller(stack)
    before = db.execute(versions).fetchall()
    set_deployment_status(simulator, services[1], "CRASHED")
    run_status_poller(stack)
    after = db.execute(versions).fetchall()
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]


@pytest.mark.parametrize("value", ["5", -1, True, [], {}])
def test_an_age_that_is_no_number_of_seconds_is_400(api: httpx.Client, value: object) -> None:
    response = api.post("/status/batch", json={"maxAgeSeconds": value})
    assert response.status_code == 400
    assert "maxAgeSeconds" in response.json()["error"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999"])
def test_an_age_that_is_not_finite_is_400(api: httpx.Client, text: str) -> None:
    response = api.post("/status/batch", content=f'{{"maxAgeSeconds": {text}}}')
    assert response.status_code == 400, response.text

"""The status poller: what it writes of Railway's listing, and what it does not overwrite."""

from collections.abc import Iterator

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.providers.railway import RailwayClient
from tests.harness.background import run_in_background
from tests.harness.database import Database, connect, wait_for_blocked_sessions
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.simulator import make_railway_client, set_deployment_status
from tests.harness.status_poller import (
    count_environment_pages,
    deploy_status,
    insert_instances,
    instance_row,
    instance_rows,
    run_status_poller,
)
from tests.harness.wait import wait_until

IMAGE = "ghcr.io/xmtplabs/convos-runtime:latest"
NO_SERVICE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def small_pages(no_instances: None, db: Database, simulator: SimulatorClient) -> Iterator[None]:
    """Pages of two, so that every listing has several."""
    simulator.update_config({"railway": {"page_max": 2}})
    yield
    db.execute("DELETE FROM operations WHERE id LIKE 'op-poll-%'")


@pytest.fixture
def railway(simulator: SimulatorClient) -> RailwayClient:
    """The product's client, for changes at Railway beside the stack."""
    return make_railway_client(simulator)


def test_status_url_and_image_come_from_railway(
    stack: Stack, simulator: SimulatorClient, db: Database, railway: RailwayClient
) -> None:
    services = simulator.seed_services(5, prefix="any-name-")
    ids = insert_instances(db, services, url="https://old.example", runtime_image="old:1")
    set_deployment_status(simulator, services[1], "CRASHED")
    set_deployment_status(simulator, services[4], "SLEEPING")
    railway.deploy(services[3], image="new:2", start_command="run", variables={})
    set_deployment_status(simulator, services[3], "FAILED")
    run = run_status_poller(stack)
    assert run.counts == {"services": 5, "changed": 5, "gone": 0, "instances": 5}
    assert [deploy_status(db, instance_id) for instance_id in ids] == [
        "SUCCESS",
        "CRASHED",
        "SUCCESS",
        "FAILED",
        "SLEEPING",
    ]
    assert [instance_row(db, instance_id)["runtime_image"] for instance_id in ids] == [
        IMAGE,
        IMAGE,
        IMAGE,
        "new:2",
        IMAGE,
    ]
    domain = railway.find_domain(services[2])
    assert domain
    assert instance_row(db, ids[2])["url"] == f"https://{domain}"
    assert count_environment_pages(simulator) >= 3


def test_a_row_is_written_only_where_something_changes(stack: Stack, simulator: SimulatorClient, db: Database) -> None:
    services = simulator.seed_services(3)
    insert_instances(db, services)
    run_status_poller(stack)
    before = instance_rows(db)
    assert run_status_poller(stack).counts["changed"] == 0
    assert instance_rows(db) == before
    set_deployment_status(simulator, services[1], "CRASHED")
    assert run_status_poller(stack).counts["changed"] == 1
    changed = [instance_id for instance_id, now in instance_rows(db).items() if now != before[instance_id]]
    assert changed == ["i-00002"]
    assert instance_row(db, "i-00002")["updated_at"] > before["i-00002"]["updated_at"]
    assert instance_row(db, "i-00002")["created_at"] == before["i-00002"]["created_at"]


def test_a_created_instance_gets_its_deployments_final_status(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    simulator.update_config({"railway": {"deploy_end": "CRASHED", "deploy_seconds": 0.2}})
    body = create_request(new_instance_id(), [])
    created = create_instance(api, body).json()
    wait_until(lambda: run_status_poller(stack) and deploy_status(db, body["instanceId"]) == "CRASHED")
    assert instance_row(db, body["instanceId"])["url"] == created["url"]
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200


def test_known_values_are_never_overwritten_by_null(stack: Stack, simulator: SimulatorClient, db: Database) -> None:
    services = simulator.seed_services(3, bare=True)
    known = {"deploy_status": "SUCCESS", "url": "https://kept.example", "runtime_image": "kept:1"}
    insert_instances(db, services, **known)
    before = instance_rows(db)
    assert run_status_poller(stack).counts == {"services": 3, "changed": 0, "gone": 0, "instances": 3}
    assert instance_rows(db) == before


def test_a_missing_service_is_marked_and_logged_once_until_it_is_listed_again(
    stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    services = simulator.seed_services(3)
    ids = insert_instances(db, services, deploy_status="SUCCESS")
    run_status_poller(stack)
    simulator.update_config({"railway": {"service_lag_s": 7200}})
    missing = run_status_poller(stack)
    assert missing.counts == {"services": 0, "changed": 0, "gone": 3, "instances": 3}
    assert [deploy_status(db, instance_id) for instance_id in ids] == ["GONE"] * 3
    assert instance_row(db, ids[0])["url"] is not None
    assert [(line["count"], line["instances"]) for line in missing.warnings] == [(3, ids)]
    assert (missing.metric_value("InstancesGone"), missing.instances_by_status) == (3, {"GONE": 3})
    before = instance_rows(db)
    again = run_status_poller(stack)
    assert (again.counts["gone"], again.warnings, again.metric_value("InstancesGone")) == (0, [], 3)
    assert instance_rows(db) == before
    simulator.update_config({"railway": {"service_lag_s": 0}})
    set_deployment_status(simulator, services[2], "CRASHED")
    back = run_status_poller(stack)
    assert [deploy_status(db, instance_id) for instance_id in ids] == ["SUCCESS", "SUCCESS", "CRASHED"]
    assert (back.counts["changed"], back.metric_value("InstancesGone")) == (3, 0)


def test_a_gone_instance_listed_without_a_status_gets_null(
    stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    insert_instances(db, simulator.seed_services(1, bare=True), deploy_status="GONE")
    assert run_status_poller(stack).counts["changed"] == 1
    assert deploy_status(db, "i-00001") is None


def test_a_warning_names_at_most_twenty_instances(stack: Stack, simulator: SimulatorClient, db: Database) -> None:
    ids = insert_instances(db, [f"no-service-{number}" for number in range(25)])
    (warning,) = run_status_poller(stack).warnings
    assert (warning["count"], warning["instances"]) == (25, ids[:20])


def test_a_young_instance_is_not_marked_gone(stack: Stack, simulator: SimulatorClient, db: Database) -> None:
    insert_instances(db, ["lagging"], prefix="young", age="100 seconds")
    insert_instances(db, [NO_SERVICE], prefix="old", age="130 seconds")
    assert run_status_poller(stack).counts["gone"] == 1
    assert (deploy_status(db, "young-00001"), deploy_status(db, "old-00001")) == ("DEPLOYING", "GONE")


@pytest.mark.parametrize("columns", [{"provider_env_id": "sim-staging"}, {"provider": "elsewhere"}])
def test_rows_of_another_environment_or_provider_are_not_written(
    stack: Stack, simulator: SimulatorClient, db: Database, columns
) -> None:
    services = simulator.seed_services(1)
    insert_instances(db, services, prefix="seen", **columns)
    insert_instances(db, [NO_SERVICE], prefix="missing", **columns)
    before = instance_rows(db)
    assert run_status_poller(stack).counts == {"services": 1, "changed": 0, "gone": 0, "instances": 2}
    assert instance_rows(db) == before


def test_the_status_of_an_unfinished_destroy_is_kept(stack: Stack, simulator: SimulatorClient, db: Database) -> None:
    insert_instances(db, simulator.seed_services(1), prefix="seen", deploy_status="DESTROY_FAILED")
    insert_instances(db, [NO_SERVICE], prefix="missing", deploy_status="DESTROY_FAILED")
    before = instance_rows(db)
    assert run_status_poller(stack).instances_by_status == {"DESTROY_FAILED": 2}
    assert instance_rows(db) == before


def test_an_instance_with_a_running_operation_is_not_written(
    stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    ids = [
        *insert_instances(db, simulator.seed_services(2), prefix="seen"),
        *insert_instances(db, [NO_SERVICE], prefix="missing"),
    ]
    for number, (instance_id, state) in enumerate(zip(ids, ["running", "succeeded", "running"], strict=True)):
        db.execute(
            "INSERT INTO operations (id, instance_id, kind, status, request) VALUES (%s, %s, 'destroy', %s, '{}')",
            (f"op-poll-{number}", instance_id, state),
        )
    run_status_poller(stack)
    assert [deploy_status(db, instance_id) for instance_id in ids] == ["DEPLOYING", "SUCCESS", "DEPLOYING"]
    db.execute("UPDATE operations SET status = 'failed' WHERE id LIKE 'op-poll-%'")
    run_status_poller(stack)
    assert [deploy_status(db, instance_id) for instance_id in ids] == ["SUCCESS", "SUCCESS", "GONE"]


def test_rows_written_during_the_listing_are_not_overwritten(
    stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    services = simulator.seed_services(3)
    ids = [*insert_instances(db, services[:2], prefix="seen"), *insert_instances(db, [NO_SERVICE], prefix="missing")]
    simulator.inject_fault("railway", "environment", "slow", seconds=0.7)
    run = run_in_background(lambda: run_status_poller(stack))
    wait_until(lambda: count_environment_pages(simulator) >= 1)
    for instance_id in (ids[0], ids[2]):
        db.execute(
            "UPDATE instance_infra SET deploy_status = 'QUEUED', updated_at = now() WHERE instance_id = %s",
            (instance_id,),
        )
    insert_instances(db, services[2:], prefix="new", age="0 seconds")
    assert run.result().counts["changed"] == 1
    assert [deploy_status(db, instance_id) for instance_id in ids] == ["QUEUED", "SUCCESS", "QUEUED"]
    assert deploy_status(db, "new-00001") == "DEPLOYING"
    run_status_poller(stack)
    assert [deploy_status(db, instance_id) for instance_id in (*ids, "new-00001")] == [
        "SUCCESS",
        "SUCCESS",
        "GONE",
        "SUCCESS",
    ]


def test_a_status_committed_while_the_poller_waits_for_the_row_is_kept(
    stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    """Its transaction began before the listing, so `updated_at` does not show it; the row must be read again."""
    (instance_id,) = insert_instances(db, simulator.seed_services(1))
    with connect(stack.database_url, autocommit=False) as other:
        other.execute("UPDATE instance_infra SET deploy_status = 'DESTROY_FAILED'")
        run = run_in_background(lambda: run_status_poller(stack))
        wait_for_blocked_sessions(stack.database_url)
        other.commit()
    assert run.result().counts["changed"] == 0
    assert deploy_status(db, instance_id) == "DESTROY_FAILED"


def test_metrics_count_every_status_and_hold_no_id(stack: Stack, simulator: SimulatorClient, db: Database) -> None:
    simulator.update_config({"railway": {"page_max": 500}})
    services = simulator.seed_services(4)
    ids = insert_instances(db, services[:3])
    set_deployment_status(simulator, services[1], "CRASHED")
    ids += insert_instances(db, ["elsewhere-1"], prefix="null", provider_env_id="other", deploy_status=None)
    ids += insert_instances(db, ["elsewhere-2"], prefix="empty", provider_env_id="other", deploy_status="")
    ids += insert_instances(
        db, ["elsewhere-3"], prefix="odd", provider_env_id="other", deploy_status="claimed by x@y.z"
    )
    ids += insert_instances(db, ["elsewhere-4"], prefix="older", provider_env_id="other", deploy_status="running")
    run = run_status_poller(stack)
    assert run.instances_by_status == {"SUCCESS": 2, "CRASHED": 1, "UNKNOWN": 2, "OTHER": 1, "running": 1}
    assert (run.metric_value("InstancesTotal"), run.metric_value("InstancesGone")) == (7, 0)
    for line in run.metrics:
        (shape,) = line["_aws"]["CloudWatchMetrics"]
        assert shape["Namespace"] == "Pointsman"
        further = [name for name in ("status", "provider", "schedule") if name in line]
        assert shape["Dimensions"] == [["stack", "stage", *further]]
        assert {metric["Unit"] for metric in shape["Metrics"]} == {"Count"}
        assert not any(instance_id in str(line) for instance_id in (*ids, *services, "x@y.z"))


def test_metrics_are_emitted_without_instances(stack: Stack, simulator: SimulatorClient) -> None:
    run = run_status_poller(stack)
    assert (run.metric_value("InstancesTotal"), run.metric_value("InstancesGone"), run.instances_by_status) == (
        0,
        0,
        {},
    )

"""Fleets of thousands on many pages, and a Railway that throttles or fails: a complete result or an error.

`status/batch` and the status poller read the same listing; neither may use an incomplete one.
"""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database
from tests.harness.provider_api import ProviderClient
from tests.harness.status_poller import (
    count_environment_pages,
    deploy_status,
    insert_instances,
    instance_rows,
    run_status_poller,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_instances")]

FLEET_SIZE = 2500
TOKEN = "sim-railway-key"

# How Railway throttles and fails, once or persistently.
RAILWAY_FAULTS = [
    pytest.param("rate_limit", {"retry_after": 0.5}, id="429 with Retry-After"),
    pytest.param("rate_limit_text", {}, id="429 as text without Retry-After"),
    pytest.param("rate_limit_text", {"retry_after": 0.5}, id="429 as text with Retry-After"),
    pytest.param("html", {}, id="502 as HTML"),
    pytest.param("graphql_throttle", {"message": "Too many requests"}, id="throttle on HTTP 200"),
    pytest.param("graphql_error", {}, id="error on HTTP 200"),
]
TRANSIENT_FAULTS = [
    *RAILWAY_FAULTS,
    pytest.param("html", {"status": 429}, id="429 as HTML"),
    pytest.param("garbage", {}, id="HTTP 200 without JSON"),
    pytest.param("partial", {}, id="half the data beside an error"),
    pytest.param("drop", {}, id="no answer"),
]
PERSISTENT_FAULTS = [
    *RAILWAY_FAULTS,
    pytest.param("rate_limit", {"retry_after": 30}, id="429 with a long Retry-After"),
    pytest.param("graphql_error", {"message": "Not Authorized"}, id="refusal on HTTP 200"),
]


def request_statuses(api: httpx.Client, body: dict[str, Any] | None = None) -> httpx.Response:
    return api.post("/status/batch", json=body or {})


@pytest.mark.parametrize(("page", "pages"), [(500, 5), (100, 25)])
def test_status_batch_and_poller_read_thousands_of_services_in_one_listing(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database, page: int, pages: int
) -> None:
    simulator.update_config({"railway": {"page_max": page}})
    services = simulator.seed_services(FLEET_SIZE)
    ids = insert_instances(db, services)
    listed = request_statuses(api).json()["services"]
    assert [service["serviceId"] for service in listed] == services
    assert len({service["instanceId"] for service in listed}) == FLEET_SIZE
    assert count_environment_pages(simulator) == pages
    run = run_status_poller(stack)
    assert run.counts == {"services": FLEET_SIZE, "changed": FLEET_SIZE, "gone": 0, "instances": FLEET_SIZE}
    assert len(simulator.list_calls()) == count_environment_pages(simulator) == 2 * pages
    assert run.instances_by_status == {"SUCCESS": FLEET_SIZE}
    assert {row["url"] for row in instance_rows(db).values()} == {f"https://{service['domain']}" for service in listed}
    assert deploy_status(db, ids[-1]) == "SUCCESS"


def test_a_listing_that_fails_on_its_third_page_is_not_used(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database
) -> None:
    insert_instances(db, simulator.seed_services(1203))
    insert_instances(db, ["no-service"], prefix="gone")
    before = instance_rows(db)
    simulator.inject_fault("railway", "environment", "server_error", times=None, after=2)
    response = request_statuses(api)
    assert response.status_code == 502
    assert set(response.json()) == {"error", "code", "requestId"}
    simulator.clear_faults()
    simulator.inject_fault("railway", "environment", "server_error", times=None, after=2)
    assert "railway" in run_status_poller(stack).result.error_message
    assert instance_rows(db) == before


def test_filter_finds_its_instances_on_any_page(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.update_config({"railway": {"page_max": 3}})
    simulator.seed_services(11)
    instance_ids = ["00001", "00006", "00011"]
    listed = request_statuses(api, {"instanceIds": [*instance_ids, "nobody", "convos-agent-00002"]}).json()["services"]
    assert [service["instanceId"] for service in listed] == instance_ids
    assert request_statuses(api, {"instanceIds": ["nobody"]}).json()["services"] == []


def test_only_agents_of_this_environment_are_listed(
    api: httpx.Client, simulator: SimulatorClient, providers: ProviderClient
) -> None:
    simulator.update_config({"railway": {"page_max": 3}})
    simulator.seed_services(4)
    simulator.seed_services(4, prefix="convos-agent")
    simulator.seed_services(2, prefix="a-convos-agent-")
    providers.create_service("convos-agent-pool-manager")
    providers.create_service("convos-agent-pool-manager-2")
    _seed_another_environment(providers, 5)
    names = [service["name"] for service in request_statuses(api).json()["services"]]
    assert names == [*(f"convos-agent-{number:05d}" for number in range(1, 5)), "convos-agent-pool-manager-2"]
    hidden = {"instanceIds": ["pool-manager", "other-00001"]}
    assert request_statuses(api, hidden).json()["services"] == []


@pytest.mark.parametrize(("kind", "options"), TRANSIENT_FAULTS)
def test_transient_failures_are_retried(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database, kind, options
) -> None:
    simulator.update_config({"railway": {"page_max": 2}})
    insert_instances(db, simulator.seed_services(5))
    simulator.inject_fault("railway", "environment", kind, times=1, after=1, **options)
    assert len(request_statuses(api).json()["services"]) == 5
    simulator.clear_faults()
    simulator.inject_fault("railway", "environment", kind, times=1, after=1, **options)
    assert run_status_poller(stack).counts == {"services": 5, "changed": 5, "gone": 0, "instances": 5}
    assert count_environment_pages(simulator) == 2 * (3 + 1)


@pytest.mark.parametrize(("kind", "options"), PERSISTENT_FAULTS)
def test_persistent_failures_are_reported_and_change_nothing(
    api: httpx.Client, stack: Stack, simulator: SimulatorClient, db: Database, kind, options
) -> None:
    simulator.update_config({"railway": {"page_max": 2}})
    insert_instances(db, simulator.seed_services(5))
    insert_instances(db, ["no-service"], prefix="gone")
    before = instance_rows(db)
    simulator.inject_fault("railway", "environment", kind, times=None, after=1, **options)
    response = request_statuses(api)
    assert response.status_code == 502
    assert response.headers["content-type"] == "application/json"
    assert response.json()["error"].startswith("railway serviceInstances: ")
    assert "services" not in response.json()
    simulator.clear_faults()
    simulator.inject_fault("railway", "environment", kind, times=None, after=1, **options)
    failed = run_status_poller(stack)
    assert failed.result.error == "Unhandled"
    assert failed.result.error_type == "RunFailed"
    assert failed.result.error_message.startswith("status_poller: railway serviceInstances: ")
    assert TOKEN not in f"{response.text}{failed.result.payload}{failed.log_lines}"
    assert {name for line in failed.metrics for name in line} >= {"ProviderCalls", "ProviderFailures"}
    assert not any("ScheduleCompleted" in line for line in failed.metrics)
    assert (failed.instances_by_status, instance_rows(db)) == ({}, before)
    simulator.clear_faults()
    assert run_status_poller(stack).counts == {"services": 5, "changed": 5, "gone": 1, "instances": 6}


def _seed_another_environment(providers: ProviderClient, count: int) -> None:
    """Create services with agents' names in another project."""
    query = "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) { id } }"
    project = providers.query_railway(query, i={"name": "other"})["projectCreate"]["id"]
    query = "query($id: String!) { environments(projectId: $id) { edges { node { id } } } }"
    (edge,) = providers.query_railway(query, id=project)["environments"]["edges"]
    order = {"count": count, "prefix": "convos-agent-other-", "environmentId": edge["node"]["id"]}
    providers.http.post(f"{providers.simulator.origin}/_sim/railway/services", json=order).raise_for_status()

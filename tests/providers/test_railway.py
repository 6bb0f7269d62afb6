"""Railway: services, volumes, domains and deployments over GraphQL."""

import json
import time
from collections.abc import Callable

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import InvalidSetting, MissingSetting, ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.http_transport import Transport
from pointsman.json_values import as_object
from pointsman.providers import railway as module
from pointsman.providers.railway import RailwayClient, ServiceInstance
from pointsman.providers.railway.graphql import GraphQLClient, Operation
from pointsman.settings.providers import RailwaySettings
from tests.providers.conftest import ScriptedServer, called_operations

PROJECT, ENVIRONMENT = "sim-project", "sim-environment"
VARIABLES = Operation(
    "variables",
    """query variables($projectId: String!, $environmentId: String!, $serviceId: String) {
  variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId, unrendered: true)
}""",
)


def make_settings(url="http://railway.test/graphql/v2", **changes):
    values = {
        "token": "railway-token-1234",
        "project_id": PROJECT,
        "environment_id": ENVIRONMENT,
        "environment_name": "",
        "runtime_image": "ghcr.io/o/i:latest",
        "url": url,
        "timeout": 5.0,
    }
    return RailwaySettings(**(values | changes))


@pytest.fixture
def railway(sim: SimulatorClient, fast_transport: Transport):
    provider = RailwayClient(make_settings(sim.base_urls.railway), fast_transport)
    yield provider
    provider.http_client.close()


def read_variables(railway: RailwayClient, service_id: str):
    names = {"projectId": PROJECT, "environmentId": ENVIRONMENT, "serviceId": service_id}
    return GraphQLClient(railway.http_client).query(VARIABLES, names, parse=as_object)


def test_an_instance_from_service_to_status(railway: RailwayClient, sim: SimulatorClient):
    service = railway.create_service("convos-agent-a")
    volume = railway.create_volume(service, "/data")
    domain = railway.create_domain(service)
    assert railway.get_latest_deployment(service) is None
    railway.deploy(
        service,
        image="ghcr.io/o/i@sha256:1",
        start_command="node x.js",
        variables={"A": "1", "B": "two"},
        vcpus=4,
        memory_bytes=8 * 2**30,
        message="first",
    )
    deployed = railway.get_latest_deployment(service)
    assert deployed is not None
    sim.set_deployment_status(deployed.id, "SUCCESS")
    assert [*railway.list_service_instances()] == [
        ServiceInstance(service, "convos-agent-a", "SUCCESS", domain, "ghcr.io/o/i@sha256:1", ENVIRONMENT)
    ]
    railway.set_variables(service, {"C": "3"}, skip_deploys=True)
    assert read_variables(railway, service).items() >= {"A": "1", "B": "two", "C": "3"}.items()
    assert railway.get_latest_deployment(service).id == deployed.id
    again = railway.redeploy(deployed.id)
    assert railway.get_latest_deployment(service).id == again.id != deployed.id
    assert railway.find_domain(service) == domain
    assert [found.id for found in railway.find_services("convos-agent-a")] == [service]
    assert abs(railway.find_services("convos-agent-a")[0].created_at.timestamp() - time.time()) < 60
    assert [(found.id, found.service_id, found.mount_path) for found in railway.find_volumes(service)] == [
        (volume, service, "/data")
    ]
    assert railway.delete_volume(volume) is True
    assert [*railway.list_volumes()] == []
    assert railway.delete_service(service) is True
    assert sim.list_leftovers() == []


def test_limits_and_variables_are_sent_in_one_patch(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(200, json={"data": {"environmentPatchCommit": "x"}}))
    RailwayClient(make_settings(), server.transport).deploy(
        "s1", image="i", start_command="c", variables={"K": "v"}, vcpus=4.0, memory_bytes=8 * 2**30
    )
    assert json.loads(server.requests[0].content)["variables"] == {
        "environmentId": ENVIRONMENT,
        "patch": {
            "services": {
                "s1": {
                    "source": {"image": "i"},
                    "deploy": {
                        "startCommand": "c",
                        "limitOverride": {"containers": {"cpu": 4, "memoryBytes": 8589934592}},
                    },
                    "variables": {"K": {"value": "v"}},
                }
            }
        },
    }


@pytest.mark.parametrize(
    ("url", "expected_url"),
    [
        ("http://r.test/graphql/v2", "http://r.test/graphql/v2?source=pointsman"),
        ("http://r.test/graphql/v2/", "http://r.test/graphql/v2?source=pointsman"),
        ("http://r.test/graphql/v2?team=x", "http://r.test/graphql/v2?team=x"),
    ],
)
def test_the_url_gets_a_query_unless_it_has_one(url, expected_url, scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(200, json={"data": {"serviceCreate": {"id": "1"}}}))
    RailwayClient(make_settings(url), server.transport).create_service("a")
    assert str(server.requests[0].url) == expected_url
    assert server.requests[0].headers["authorization"] == "Bearer railway-token-1234"
    assert "project-access-token" not in server.requests[0].headers


def test_thousands_of_services_are_listed_in_few_calls(railway: RailwayClient, sim: SimulatorClient):
    ids = sim.seed_services(2100)
    cpu_started_at = time.process_time()
    instances = [*railway.list_service_instances()]
    assert time.process_time() - cpu_started_at < 2
    assert {instance.service_id for instance in instances} == set(ids)
    assert len(instances) == 2100
    assert all(
        instance.status == "SUCCESS" and instance.domain and instance.environment_id == ENVIRONMENT
        for instance in instances
    )
    assert {service.id for service in railway.list_services()} == set(ids)
    assert called_operations(sim).count("environment") == 5


def test_smaller_pages_of_the_server_are_all_read(railway: RailwayClient, sim: SimulatorClient):
    sim.update_config({"railway": {"page_max": 7}})
    ids = sim.seed_services(30)
    assert {service.id for service in railway.list_services()} == set(ids)
    assert {instance.service_id for instance in railway.list_service_instances()} == set(ids)


@pytest.mark.parametrize("cursor", [None, "", "same"])
def test_a_listing_without_a_new_cursor_is_an_error(cursor, scripted_server: Callable[..., ScriptedServer]):
    page = {
        "edges": [{"node": {"id": "1", "name": "a", "createdAt": "2026-01-01T00:00:00.000Z"}}],
        "pageInfo": {"hasNextPage": True, "endCursor": cursor},
    }
    server = scripted_server(httpx.Response(200, json={"data": {"project": {"services": page}}}))
    with pytest.raises(ProviderUnavailable, match="cursor"):
        [*RailwayClient(make_settings(), server.transport).list_services()]
    assert len(server.requests) <= 2


def test_a_row_on_two_pages_is_yielded_once(scripted_server: Callable[..., ScriptedServer]):
    def page(ids, cursor):
        return httpx.Response(
            200,
            json={
                "data": {
                    "project": {
                        "services": {
                            "edges": [{"node": {"id": id_, "name": id_, "createdAt": "x"}} for id_ in ids],
                            "pageInfo": {"hasNextPage": bool(cursor), "endCursor": cursor},
                        }
                    }
                }
            },
        )

    server = scripted_server(page(["1", "2"], "c"), page(["2", "3"], None))
    assert [service.id for service in RailwayClient(make_settings(), server.transport).list_services()] == [
        "1",
        "2",
        "3",
    ]


def test_custom_domain_comes_before_the_service_domain(scripted_server: Callable[..., ScriptedServer]):
    node = {
        "serviceId": "1",
        "serviceName": "a",
        "source": None,
        "latestDeployment": None,
        "domains": {"serviceDomains": [{"domain": "s.up"}], "customDomains": [{"domain": "c.com"}]},
    }
    connection = {"edges": [{"node": node}], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    server = scripted_server(httpx.Response(200, json={"data": {"environment": {"serviceInstances": connection}}}))
    assert [*RailwayClient(make_settings(), server.transport).list_service_instances()] == [
        ServiceInstance("1", "a", None, "c.com", None, ENVIRONMENT)
    ]


def test_the_environment_is_found_by_name_once(sim: SimulatorClient):
    by_name = RailwayClient(make_settings(sim.base_urls.railway, environment_id="", environment_name="staging"))
    assert by_name.environment_id == by_name.environment_id == "sim-staging"
    assert called_operations(sim) == ["environments"]
    unknown = RailwayClient(make_settings(sim.base_urls.railway, environment_id="", environment_name="prod"))
    with pytest.raises(InvalidSetting, match="production, staging"):
        _ = unknown.environment_id


def test_a_taken_name_has_its_own_reason(railway: RailwayClient):
    railway.create_service("convos-agent-a")
    with pytest.raises(ProviderRejected) as raised:
        railway.create_service("convos-agent-a")
    assert raised.value.reason == "taken"
    assert raised.value.step == "serviceCreate"


@pytest.mark.parametrize("message", ["Not Authorized", "Problem processing request"])
def test_deleting_twice_is_verified_by_listing(message, railway: RailwayClient, sim: SimulatorClient):
    sim.update_config({"railway": {"delete_twice": message}})
    service = railway.create_service("a")
    volume = railway.create_volume(service, "/data")
    assert railway.delete_volume(volume) is True
    assert railway.delete_volume(volume) is False
    assert railway.delete_service(service) is True
    assert railway.delete_service(service) is False
    assert railway.delete_service("never-was") is False


@pytest.mark.parametrize("message", ["Not Authorized", "Service not found", "Problem processing request"])
def test_an_ambiguous_error_for_an_existing_service_is_raised(message, railway: RailwayClient, sim: SimulatorClient):
    service = railway.create_service("a")
    sim.inject_fault("railway", "serviceDelete", "graphql_error", message=message, times=None)
    with pytest.raises((ProviderRejected, ProviderUnavailable)) as raised:
        railway.delete_service(service)
    assert message in str(raised.value)


def test_a_failed_listing_never_counts_as_missing(railway: RailwayClient, sim: SimulatorClient):
    sim.inject_fault("railway", "serviceDelete", "graphql_error", message="Not Authorized", times=None)
    sim.inject_fault("railway", "project", "graphql_error", message="Not Authorized", times=None)
    with pytest.raises(ProviderRejected) as raised:
        railway.delete_service("x")
    assert raised.value.reason == "unauthorized"


def test_a_bad_token_never_counts_as_missing(sim: SimulatorClient):
    bad = RailwayClient(make_settings(sim.base_urls.railway, token="bad-token"))
    for call in (
        lambda: bad.delete_service("x"),
        lambda: bad.delete_volume("x"),
        lambda: [*bad.list_service_instances()],
    ):
        with pytest.raises(ProviderRejected) as raised:
            call()
        assert raised.value.reason == "unauthorized"
        assert "bad-token" not in str(raised.value)


def test_after_a_lost_response_the_listing_shows_that_the_service_is_gone(railway: RailwayClient, sim: SimulatorClient):
    service = railway.create_service("a")
    sim.inject_fault("railway", "serviceDelete", "lost")
    assert railway.delete_service(service) is False
    assert called_operations(sim)[-3:] == ["serviceDelete", "serviceDelete", "project"]
    assert sim.list_leftovers() == []


def test_a_create_whose_response_was_lost_is_found_and_not_retried(railway: RailwayClient, sim: SimulatorClient):
    sim.inject_fault("railway", "serviceCreate", "lost")
    with pytest.raises(ProviderTimeout):
        railway.create_service("a")
    assert called_operations(sim) == ["serviceCreate"]
    assert len(railway.find_services("a")) == 1


def test_a_throttle_on_http_200_is_retried(sim: SimulatorClient):
    sleeps = []
    railway = RailwayClient(make_settings(sim.base_urls.railway), Transport(sleep=sleeps.append))
    service = railway.create_service("a")
    sim.inject_fault("railway", "volumeCreate", "graphql_throttle")
    assert railway.create_volume(service, "/data")
    assert sleeps == [1.0]
    sim.inject_fault("railway", "volumeCreate", "graphql_throttle", times=None)
    with pytest.raises(ProviderUnavailable) as raised:
        railway.create_volume(service, "/other")
    assert not raised.value.outcome_unknown


def test_a_service_that_is_not_visible_yet_is_retried(railway: RailwayClient, sim: SimulatorClient):
    sim.update_config({"railway": {"service_lag_s": 0.12}})
    service = railway.create_service("a")
    assert railway.create_domain(service)


def test_a_service_that_stays_invisible_is_unavailable_not_rejected(sim: SimulatorClient):
    sleeps = []
    railway = RailwayClient(make_settings(sim.base_urls.railway), Transport(sleep=sleeps.append))
    with pytest.raises(ProviderUnavailable) as raised:
        railway.create_domain("never-was")
    assert not raised.value.outcome_unknown
    assert sum(sleeps) < 3


def test_a_generic_error_of_a_mutation_leaves_the_outcome_unknown(railway: RailwayClient, sim: SimulatorClient):
    service = railway.create_service("a")
    sim.inject_fault("railway", "volumeCreate", "graphql_error", message="Problem processing request", done=True)
    with pytest.raises(ProviderUnavailable) as raised:
        railway.create_volume(service, "/data")
    assert raised.value.outcome_unknown
    assert len(railway.find_volumes(service)) == 1


def test_partial_data_with_errors_is_a_failure(railway: RailwayClient, sim: SimulatorClient):
    railway.create_service("a")
    sim.inject_fault("railway", "environment", "partial", times=None)
    with pytest.raises(ProviderUnavailable):
        [*railway.list_service_instances()]


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_text", "server_error", "html", "garbage", "drop", "lost"])
def test_reads_are_retried_after_a_failure_of_any_kind(kind, railway: RailwayClient, sim: SimulatorClient):
    railway.create_service("a")
    sim.inject_fault("railway", "project", kind, retry_after=0)
    assert len(railway.find_services("a")) == 1


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [("rate_limit_text", False), ("server_error", True), ("html", True), ("garbage", True), ("drop", True)],
)
def test_failed_creates_know_whether_the_outcome_is_unknown(
    kind, unknown, railway: RailwayClient, sim: SimulatorClient
):
    sim.inject_fault("railway", "serviceCreate", kind, times=None)
    with pytest.raises(ProviderUnavailable) as raised:
        railway.create_service("a")
    assert raised.value.outcome_unknown is unknown


def test_volumes_being_deleted_are_not_listed_and_detached_ones_are(railway: RailwayClient, sim: SimulatorClient):
    service = railway.create_service("a")
    kept = railway.create_volume(service, "/a")
    railway.delete_volume(railway.create_volume(railway.create_service("b"), "/b"))
    railway.delete_service(service)
    assert [(volume.id, volume.service_id) for volume in railway.list_volumes()] == [(kept, None)]


def test_a_service_without_deployment_cannot_be_redeployed(railway: RailwayClient):
    service = railway.create_service("a")
    assert railway.get_latest_deployment(service) is None
    with pytest.raises(ProviderRejected):
        railway.redeploy("never-was")
    with pytest.raises(ProviderRejected):
        railway.get_latest_deployment("never-was")
    assert railway.find_domain("never-was") is None
    assert railway.find_domain(service) is None


def test_values_of_variables_never_stand_in_an_error(railway: RailwayClient, sim: SimulatorClient):
    service = railway.create_service("a")
    sim.inject_fault("railway", "environmentPatchCommit", "graphql_error", message="bad value correct-horse here")
    with pytest.raises(ProviderUnavailable) as raised:
        railway.deploy(service, image="i", start_command="c", variables={"K": "correct-horse"})
    assert "correct-horse" not in str(raised.value)
    sim.inject_fault("railway", "variableCollectionUpsert", "graphql_error", message="bad value correct-horse here")
    with pytest.raises(ProviderUnavailable) as raised:
        railway.set_variables(service, {"K": "correct-horse"}, skip_deploys=False)
    assert "correct-horse" not in str(raised.value)


def test_there_is_one_client_per_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAILWAY_API_TOKEN", "t")
    monkeypatch.setenv("RAILWAY_PROJECT_ID", "p")
    monkeypatch.setenv("RAILWAY_ENVIRONMENT_ID", "e")
    try:
        assert module.get_client() is module.get_client()
        assert module.get_client().environment_id == "e"
        monkeypatch.setenv("RAILWAY_ENVIRONMENT_ID", "f")
        assert module.get_client().environment_id == "f"
        monkeypatch.delenv("RAILWAY_API_TOKEN")
        with pytest.raises(MissingSetting):
            module.get_client()
    finally:
        monkeypatch.undo()

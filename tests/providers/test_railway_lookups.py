"""Lookups of one Railway service: whether it exists, and where it has been deployed."""

import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import ProviderUnavailable
from pointsman.providers.railway import RailwayClient
from pointsman.settings.providers import RailwaySettings


def make_railway(sim: SimulatorClient, environment="sim-environment"):
    return RailwayClient(RailwaySettings("t", "sim-project", environment, "", "i", sim.base_urls.railway, 5))


@pytest.mark.parametrize("refusal", [None, "Not Authorized"])
def test_the_existence_of_one_service_can_be_read(sim: SimulatorClient, refusal):
    railway = make_railway(sim)
    service = railway.create_service("a")
    assert railway.service_exists(service) is True
    if refusal:
        sim.inject_fault("railway", "serviceInstance", "graphql_error", message=refusal)
    else:
        railway.delete_service(service)
    assert railway.service_exists(service) is False


def test_a_failed_lookup_is_an_error(sim: SimulatorClient):
    railway = make_railway(sim)
    service = railway.create_service("a")
    sim.inject_fault("railway", "serviceInstance", "server_error", times=None)
    with pytest.raises(ProviderUnavailable):
        railway.service_exists(service)


def test_the_environments_of_a_services_deployments_are_listed(sim: SimulatorClient):
    sim.update_config({"railway": {"page_max": 2}})
    here, there = make_railway(sim), make_railway(sim, "sim-staging")
    service = here.create_service("a")
    assert here.list_deployed_environment_ids(service) == set()
    there.deploy(service, image="i", start_command="s", variables={})
    assert here.list_deployed_environment_ids(service) == {"sim-staging"}
    for _ in range(3):
        here.deploy(service, image="i", start_command="s", variables={})
    assert here.list_deployed_environment_ids(service) == {"sim-environment", "sim-staging"}

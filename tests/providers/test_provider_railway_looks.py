"""Looking at one service of Railway's: whether it is there, and where it has been deployed."""

import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import ProviderUnavailable
from pointsman.providers.railway import Railway
from pointsman.settings.railway import RailwaySettings


def railway_of(sim: SimulatorClient, environment="sim-environment"):
    return Railway(RailwaySettings("t", "sim-project", environment, "", "i", sim.bases.railway, 5))


@pytest.mark.parametrize("refusal", [None, "Not Authorized"])
def test_one_service_can_be_asked_for_alone(sim: SimulatorClient, refusal):
    railway = railway_of(sim)
    service = railway.create_service("a")
    assert railway.service_exists(service) is True
    if refusal:
        sim.fault("railway", "serviceInstance", "graphql_error", message=refusal)
    else:
        railway.delete_service(service)
    assert railway.service_exists(service) is False


def test_a_look_that_fails_says_nothing(sim: SimulatorClient):
    railway = railway_of(sim)
    service = railway.create_service("a")
    sim.fault("railway", "serviceInstance", "server_error", times=None)
    with pytest.raises(ProviderUnavailable):
        railway.service_exists(service)


def test_a_service_tells_where_it_has_been_deployed(sim: SimulatorClient):
    sim.config({"railway": {"page_max": 2}})
    here, there = railway_of(sim), railway_of(sim, "sim-staging")
    service = here.create_service("a")
    assert here.environments_of(service) == set()
    there.deploy(service, image="i", start_command="s", variables={})
    assert here.environments_of(service) == {"sim-staging"}
    for _ in range(3):
        here.deploy(service, image="i", start_command="s", variables={})
    assert here.environments_of(service) == {"sim-environment", "sim-staging"}

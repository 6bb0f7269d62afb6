"""One simulator and one set of clients for all tests; all is reset before each."""

from collections.abc import Iterator

import pytest

from local.simulator.client import SimulatorClient
from local.simulator.server import SimulatorServer
from tests.harness.provider_api import ProviderClient


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer() as server:
        yield server


@pytest.fixture(scope="session")
def shared(simulator: SimulatorServer) -> Iterator[ProviderClient]:
    with SimulatorClient(simulator.origin) as client, ProviderClient(client) as calls:
        yield calls


@pytest.fixture
def api(shared: ProviderClient) -> ProviderClient:
    shared.simulator.reset()
    return shared


@pytest.fixture
def sim(api: ProviderClient) -> SimulatorClient:
    return api.simulator

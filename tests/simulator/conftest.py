"""One simulator and one set of clients for all tests; all is reset before each."""

from collections.abc import Iterator

import pytest

from local.simulator.client import SimulatorClient
from local.simulator.server import Simulator
from tests.simulator.api import Api


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="session")
def shared(simulator: Simulator) -> Iterator[Api]:
    with SimulatorClient(simulator.origin) as client, Api(client) as calls:
        yield calls


@pytest.fixture
def api(shared: Api) -> Api:
    shared.sim.reset()
    return shared


@pytest.fixture
def sim(api: Api) -> SimulatorClient:
    return api.sim

"""Fixtures: the simulator as a process, and a scripted transport for tests of the mapping only."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.http_transport import Transport
from pointsman.providers.telnyx.provider import TelnyxProvider
from tests.harness.http_responses import mock_transport
from tests.harness.simulator import start_simulator
from tests.providers.telnyx_harness import make_telnyx_settings


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    with start_simulator() as origin:
        yield origin


@pytest.fixture(scope="session")
def simulator_client(simulator_url: str) -> Iterator[SimulatorClient]:
    with SimulatorClient(simulator_url) as client:
        yield client


@pytest.fixture
def sim(simulator_client: SimulatorClient) -> SimulatorClient:
    simulator_client.reset()
    return simulator_client


@pytest.fixture
def fast_transport() -> Transport:
    """The real network, with sleeps a tenth as long."""
    return Transport(sleep=lambda seconds: time.sleep(seconds / 10))


@pytest.fixture
def telnyx(sim: SimulatorClient, fast_transport: Transport) -> Iterator[TelnyxProvider]:
    sim.update_config({"telnyx": {"order_seconds": 0.05, "number_lag_s": 0.05}})
    provider = TelnyxProvider(make_telnyx_settings(sim.base_urls.telnyx), fast_transport)
    yield provider
    provider.http_client.close()


def called_operations(sim: SimulatorClient) -> list[str]:
    """The operations that the simulator has received, oldest first."""
    return [call.operation for call in sim.list_calls()]


@dataclass
class ScriptedServer:
    """A mock transport that returns `responses` in turn, the last one repeatedly; records requests and sleeps."""

    responses: list[httpx.Response | Exception]
    requests: list[httpx.Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, Exception):
            raise response
        return response

    @property
    def transport(self) -> Transport:
        return Transport(http_transport=mock_transport(self), sleep=self.sleeps.append)


@pytest.fixture
def scripted_server() -> Callable[..., ScriptedServer]:
    return lambda *responses: ScriptedServer(list(responses))

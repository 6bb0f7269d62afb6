"""Providers against the simulator, over sockets; and against a scripted transport where only the mapping matters."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.providers.http_client import Transport
from tests.harness.simulator import start_simulator


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
    """The network as it is, with waits a tenth as long."""
    return Transport(sleep=lambda seconds: time.sleep(seconds / 10))


@dataclass
class ScriptedServer:
    """Answers requests with `answers`, in turn and then the last one again; keeps what was asked and slept."""

    responses: list[httpx.Response | Exception]
    requests: list[httpx.Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, Exception):
            raise response
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)

    @property
    def transport(self) -> Transport:
        return Transport(http_transport=httpx.MockTransport(self), sleep=self.sleeps.append)


@pytest.fixture
def scripted_server() -> Callable[..., ScriptedServer]:
    return lambda *answers: ScriptedServer(list(answers))

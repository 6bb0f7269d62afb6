"""Fixtures of all tests: no address but loopback, one stack that most of them share, and clients of it."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

# Before the first import of these modules, or their asserts would not show what they compared.
pytest.register_assert_rewrite("tests.harness", "tests.prompts", "tests.reconcile", "tests.sequences")

from local.simulator.client import SimulatorClient  # noqa: E402
from local.stack.stack import Stack  # noqa: E402
from tests.harness.clients import agent_client, services_client  # noqa: E402
from tests.harness.database import Database, connect  # noqa: E402
from tests.harness.function_environment import COMMON_SETTINGS  # noqa: E402
from tests.harness.ids import unique_id  # noqa: E402
from tests.harness.provider_api import ProviderClient  # noqa: E402
from tests.harness.stack import NOT_PREWARMED, POOL_API_KEY, SHORT_TIMEOUTS, start_stack  # noqa: E402

_original_connect = socket.socket.connect


def _connect_to_loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"tests may not reach {address}")
    _original_connect(self, address)


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """No connection leaves this machine. Of this process only: libpq and child processes are not seen."""
    socket.socket.connect = _connect_to_loopback_only  # type: ignore[method-assign]
    yield
    socket.socket.connect = _original_connect  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def common_settings() -> Iterator[None]:
    """What the template gives every function: product code in this process needs it too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in COMMON_SETTINGS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The bundle of this checkout, with every provider simulated and short timeouts."""
    with start_stack(tmp_path_factory.mktemp("stack"), POOL_API_KEY=POOL_API_KEY, **SHORT_TIMEOUTS) as running:
        running.prewarm(name for name in running.status()["functions"] if name not in NOT_PREWARMED)
        yield running


@pytest.fixture
def simulator(stack: Stack) -> Iterator[SimulatorClient]:
    """The simulated providers, empty and without faults."""
    assert stack.simulator_url is not None
    with SimulatorClient(stack.simulator_url) as client:
        client.reset()
        yield client
        client.reset()


@pytest.fixture
def providers(simulator: SimulatorClient) -> Iterator[ProviderClient]:
    """Another client of the simulated providers than the stack."""
    with ProviderClient(simulator) as client:
        yield client


@pytest.fixture
def api(stack: Stack, simulator: SimulatorClient) -> Iterator[httpx.Client]:
    """The Services API, with the right key."""
    with services_client(stack.url) as client:
        yield client


@pytest.fixture
def agent(stack: Stack) -> Iterator[httpx.Client]:
    """The Agent API, for a user whom no other test has."""
    with agent_client(stack.url, unique_id("user-")) as client:
        yield client


@pytest.fixture
def other_agent(stack: Stack) -> Iterator[httpx.Client]:
    """The Agent API, for yet another user."""
    with agent_client(stack.url, unique_id("other-user-")) as client:
        yield client


@pytest.fixture
def db(stack: Stack) -> Iterator[Database]:
    """A connection to the stack's database that commits each statement."""
    with connect(stack.database_url) as connection:
        yield connection


@pytest.fixture
def no_instances(db: Database) -> Iterator[None]:
    """No instance of another test, and none that is left for another one."""
    db.execute("DELETE FROM instance_infra")
    yield
    db.execute("DELETE FROM instance_infra")

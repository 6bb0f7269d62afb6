"""One user's streams that nobody reads leave another user's prompts at their normal time."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from statistics import median

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client
from tests.harness.ids import unique_id
from tests.harness.runner_process import RunnerProcess
from tests.harness.stack import NO_QUOTAS
from tests.harness.wait import wait_until
from tests.prompts.prompt_stream import (
    STREAM_FUNCTION,
    decide_successfully,
    destroy_turn,
    open_stream,
    run_prompt,
    start_prompt,
    streaming_workers,
    text_turn,
)

PROMPTS = 7
MODEL_SECONDS = 0.3
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module")
def default_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle with the quotas that a developer's stack has."""
    defaults: dict[str, str | None] = dict.fromkeys(NO_QUOTAS)
    with RunnerProcess.with_simulated_providers(link_checkout(tmp_path_factory.mktemp("flood")), **defaults) as running:
        yield running


@pytest.fixture
def runner_simulator(default_runner: RunnerProcess) -> Iterator[SimulatorClient]:
    with SimulatorClient(default_runner.get_banner_value("simulator")) as client:
        client.reset()
        yield client


@pytest.fixture
def ada(default_runner: RunnerProcess) -> Iterator[httpx.Client]:
    with agent_client(default_runner.url, unique_id("ada-")) as client:
        yield client


@pytest.fixture
def bob(default_runner: RunnerProcess) -> Iterator[httpx.Client]:
    with agent_client(default_runner.url, unique_id("bob-")) as client:
        yield client


def time_prompts(client: httpx.Client, simulator: SimulatorClient) -> float:
    """Return the median seconds of several prompts, one after the other, from their request to the end of stream."""
    seconds: list[float] = []
    for _ in range(PROMPTS):
        started_at = time.monotonic()
        assert run_prompt(client, simulator, {**text_turn("Well."), "latency_s": MODEL_SECONDS})
        seconds.append(time.monotonic() - started_at)
    print("prompts", [round(s, 2) for s in seconds])
    return median(seconds)


def send_subscriptions(client: httpx.Client, prompt_id: str, count: int) -> list[socket.socket]:
    """Ask for a prompt's stream on so many connections, and read nothing."""
    request = client.build_request("GET", f"/prompts/{prompt_id}/stream")
    lines = [f"GET {request.url.raw_path.decode()} HTTP/1.1", *(f"{k}: {v}" for k, v in request.headers.items()), "", ""]
    data = "\r\n".join(lines).encode()
    connections: list[socket.socket] = []
    for _ in range(count):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((request.url.host, request.url.port))
        connection.sendall(data)
        connections.append(connection)
    return connections


def reset(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection.close()


def waiting(runner):
    f = runner.status()["functions"][STREAM_FUNCTION]
    return f["waiting"], len(f["workers"]), sum(1 for w in f["workers"] if w["requestId"])


@pytest.mark.parametrize("count", [150, 1000])
def test_streams_that_were_dropped(
    default_runner: RunnerProcess, ada: httpx.Client, bob: httpx.Client, runner_simulator: SimulatorClient, count: int
) -> None:
    stream = start_prompt(ada, runner_simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    time_prompts(bob, runner_simulator)
    normal = time_prompts(bob, runner_simulator)
    t = time.monotonic()
    connections = send_subscriptions(ada, stream.prompt_id, count)
    print("sent", time.monotonic() - t, waiting(default_runner))
    reset(connections)
    print("reset", time.monotonic() - t, waiting(default_runner))
    after = time_prompts(bob, runner_simulator)
    print("end", time.monotonic() - t, waiting(default_runner))
    assert after <= 2 * normal, (normal, after)


def test_unread(
    default_runner: RunnerProcess, ada: httpx.Client, bob: httpx.Client, runner_simulator: SimulatorClient
) -> None:
    stream = start_prompt(ada, runner_simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    time_prompts(bob, runner_simulator)
    normal = time_prompts(bob, runner_simulator)
    t = time.monotonic()
    connections = send_subscriptions(ada, stream.prompt_id, 150)
    print("sent", time.monotonic() - t, waiting(default_runner))
    during = time_prompts(bob, runner_simulator)
    print("end", time.monotonic() - t, waiting(default_runner))
    reset(connections)
    assert during <= 2 * normal, (normal, during)

"""One user's streams that nobody reads leave other users' prompts at their normal time, and end soon themselves."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    PromptStream,
    decide_successfully,
    destroy_turn,
    lengthen_output,
    open_stream,
    run_prompt,
    start_prompt,
    streaming_workers,
    text_turn,
)

pytestmark = pytest.mark.slow

PROMPTS = 7
"""How many prompts are timed, before and meanwhile. Their median counts."""
MODEL_SECONDS = 0.3
"""What the model takes for a turn; little, so that what delays a prompt weighs the more."""
STREAMS_PER_USER = 10
"""The default."""
STREAM_SECONDS, HEARTBEAT_SECONDS = 6, 1
OVERSIZED_BYTES = 20_000_000
"""More than all buffers between a function and a client hold."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module")
def default_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle with the quotas that a developer's stack has."""
    defaults: dict[str, str | None] = dict.fromkeys(NO_QUOTAS)
    with RunnerProcess.with_simulated_providers(link_checkout(tmp_path_factory.mktemp("flood")), **defaults) as running:
        yield running


@pytest.fixture(scope="module")
def hasty_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle with short streams and heartbeats."""
    with RunnerProcess.with_simulated_providers(
        link_checkout(tmp_path_factory.mktemp("hasty")),
        STREAM_MAX_SECONDS=str(STREAM_SECONDS), STREAM_HEARTBEAT_SECONDS=str(HEARTBEAT_SECONDS),
    ) as running:  # fmt: skip
        yield running


@pytest.fixture(scope="module")
def large_output_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle with large events and short heartbeats."""
    with RunnerProcess.with_simulated_providers(
        link_checkout(tmp_path_factory.mktemp("large")),
        STREAM_HEARTBEAT_SECONDS=str(HEARTBEAT_SECONDS),
    ) as running:  # fmt: skip
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


@pytest.fixture
def waiting_prompt(
    default_runner: RunnerProcess, ada: httpx.Client, runner_simulator: SimulatorClient
) -> Iterator[PromptStream]:
    """A prompt of Ada's that waits for an approval, so that its streams do not end by themselves."""
    stream = start_prompt(ada, runner_simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    stream.close()
    yield stream
    ada.post(f"/prompts/{stream.prompt_id}/cancel").raise_for_status()


def time_prompts(
    client: httpx.Client,
    simulator: SimulatorClient,
    prepare: Callable[[], object] = bool,
    model_seconds: float = MODEL_SECONDS,
) -> float:
    """Return the median seconds of several prompts, each from its request to the end of its stream.

    Args:
        client: submits them.
        simulator: the model.
        prepare: called before each; its time does not count.
        model_seconds: what the model takes for each.
    """
    seconds: list[float] = []
    for _ in range(PROMPTS):
        prepare()
        started_at = time.monotonic()
        messages = run_prompt(client, simulator, {**text_turn("Well."), "latency_s": model_seconds})
        seconds.append(time.monotonic() - started_at)
        assert messages[-1].event == "prompt.completed"
    return median(seconds)


@contextmanager
def open_unread_streams(client: httpx.Client, prompt_id: str, count: int) -> Iterator[None]:
    """Ask for a prompt's stream on so many connections, and read nothing; all are reset in the end.

    The block starts once the first ones, as many as a user may have, have an answer.
    """
    request = client.build_request("GET", f"/prompts/{prompt_id}/stream")
    lines = [
        f"GET {request.url.raw_path.decode()} HTTP/1.1",
        *(f"{k}: {v}" for k, v in request.headers.items()),
        "",
        "",
    ]
    connections: list[socket.socket] = []
    try:
        for _ in range(count):
            connection = socket.socket()
            connections.append(connection)
            connection.settimeout(60)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            connection.connect((request.url.host, request.url.port))
            connection.sendall("\r\n".join(lines).encode())
        for connection in connections[:STREAMS_PER_USER]:
            assert connection.recv(1, socket.MSG_PEEK)
        yield
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize(
    ("streams", "model_seconds"),
    # A gateway of one thread takes half a second for a thousand requests, whatever becomes of them.
    [(25, MODEL_SECONDS), pytest.param(1000, 1.0)],
)
def test_streams_that_were_dropped_leave_another_users_prompt_at_its_normal_time(
    default_runner: RunnerProcess,
    ada: httpx.Client,
    bob: httpx.Client,
    runner_simulator: SimulatorClient,
    waiting_prompt: PromptStream,
    streams: int,
    model_seconds: float,
) -> None:
    """Each prompt follows at once upon so many streams."""

    def open_and_drop() -> None:
        with open_unread_streams(ada, waiting_prompt.prompt_id, streams):
            pass

    open_and_drop()  # No process starts for the first time below.
    time_prompts(bob, runner_simulator)
    normal = time_prompts(bob, runner_simulator, model_seconds=model_seconds)
    assert time_prompts(bob, runner_simulator, open_and_drop, model_seconds) <= 2 * normal
    # Nor does anything of them stay: the functions are free again, and the user has all of their streams.
    wait_until(lambda: not streaming_workers(default_runner))
    assert default_runner.status()["functions"][STREAM_FUNCTION]["waiting"] == 0
    assert run_prompt(ada, runner_simulator, text_turn("Well."))[-1].event == "prompt.completed"


@pytest.mark.limit("streams-of-a-user")
def test_streams_that_nobody_reads_leave_another_users_prompt_at_its_normal_time(
    default_runner: RunnerProcess,
    ada: httpx.Client,
    bob: httpx.Client,
    runner_simulator: SimulatorClient,
    waiting_prompt: PromptStream,
) -> None:
    time_prompts(bob, runner_simulator)
    normal = time_prompts(bob, runner_simulator)
    with open_unread_streams(ada, waiting_prompt.prompt_id, 150):
        assert time_prompts(bob, runner_simulator) <= 2 * normal
        # All but a user's quota were refused.
        wait_until(lambda: len(streaming_workers(default_runner)) == STREAMS_PER_USER)
        response = ada.get(f"/prompts/{waiting_prompt.prompt_id}/stream")
        assert (response.status_code, response.json()["error"]["code"]) == (429, "QUOTA_EXCEEDED")


@contextmanager
def open_user(runner: RunnerProcess) -> Iterator[tuple[httpx.Client, SimulatorClient]]:
    with (
        SimulatorClient(runner.get_banner_value("simulator")) as simulator,
        agent_client(runner.url, unique_id("user-")) as client,
    ):
        simulator.reset()
        yield client, simulator


@pytest.mark.limit("stream-duration", "stream-heartbeat")
def test_stream_sends_heartbeats_and_ends_at_its_limit(hasty_runner: RunnerProcess) -> None:
    with open_user(hasty_runner) as (client, simulator):
        started_at = time.monotonic()
        stream = start_prompt(client, simulator, destroy_turn(), text_turn("Well."))
        stream.read_to_end()
        assert time.monotonic() - started_at >= 0.9 * STREAM_SECONDS
        assert not stream.has_ended
        assert stream.raw.endswith(b": this stream's time is over; come back with Last-Event-ID\n\n")
        # The first second or so has events instead.
        assert stream.raw.count(b"\n:\n") in range(STREAM_SECONDS // HEARTBEAT_SECONDS // 2, STREAM_SECONDS + 1)
        # It no longer counts, and the client goes on where it was.
        resumed = open_stream(client, stream.prompt_id, stream.messages[-1].id)
        decide_successfully(client, stream.prompt_id)
        assert resumed.read_to_end()[-1].event == "prompt.completed"


@pytest.mark.limit("unread-stream")
def test_stream_that_its_client_does_not_read_ends(large_output_runner: RunnerProcess) -> None:
    """While the clients keep their connections."""
    with open_user(large_output_runner) as (client, simulator):
        prompt_id = run_prompt(client, simulator, text_turn("Long."))[0].data["promptId"]
        lengthen_output(large_output_runner, prompt_id, OVERSIZED_BYTES)  # More than the sockets on the way hold.
        with open_unread_streams(client, prompt_id, 20):
            wait_until(lambda: len(streaming_workers(large_output_runner)) == STREAMS_PER_USER)
            wait_until(lambda: not streaming_workers(large_output_runner), 40)
            assert open_stream(client, prompt_id).read_to_end()[-1].event == "prompt.completed"
    log = (large_output_runner.root / ".pointsman/logs" / f"{STREAM_FUNCTION}.log").read_text()
    assert "a response was cut: the client does not read" in log
    assert "[ERROR]" not in log

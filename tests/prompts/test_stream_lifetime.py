"""Long idle streams: heartbeats, and a scheduled end without loss for a client that resumes."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.agent_api import expect_error
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client
from tests.harness.paths import TEMPLATE
from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until
from tests.prompts.prompt_stream import (
    STREAM_FUNCTION,
    PromptStream,
    decide,
    decide_successfully,
    destroy_turn,
    get_prompt,
    lengthen_output,
    open_stream,
    run_prompt,
    start_prompt,
    streaming_workers,
    text_turn,
    wait_for_status,
    watch_new_stream,
)
from tests.prompts.sse_readers import Message

pytestmark = pytest.mark.slow

HEARTBEAT_SECONDS, APPROVAL_SECONDS, STREAM_SECONDS = 0.3, 4.0, 3
FUNCTION_TIMEOUT = STREAM_SECONDS + 5
"""Timeout of the function in seconds; a stream ends 5 seconds earlier."""
RECEIVE_BUFFER_BYTES = 64 * 1024
"""Receive buffer of a client's socket; the system would let it grow to megabytes."""
_TCP_WMEM = Path("/proc/sys/net/ipv4/tcp_wmem")
_MAX_SEND_BUFFER_BYTES = int(_TCP_WMEM.read_text().split()[2]) if _TCP_WMEM.exists() else 4_194_304
OVERSIZED_BYTES = 2 * _MAX_SEND_BUFFER_BYTES + 8_000_000
"""More than all buffers between a function and such a client hold: two sockets on the way send."""

COMMENT_LINE = re.compile(rb"^:.*\n", re.MULTILINE)


@pytest.fixture(scope="module")
def short_timeout_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle, with a streaming function whose timeout is a few seconds."""
    root = link_checkout(tmp_path_factory.mktemp("short_lived"), without="template.yaml")
    text = TEMPLATE.read_text()
    changed, times = re.subn(
        rf"(\n  {STREAM_FUNCTION}:\n(?:    .*\n)*?      Timeout: )\d+\n", rf"\g<1>{FUNCTION_TIMEOUT}\n", text
    )
    assert times == 1
    (root / "template.yaml").write_text(changed)
    with RunnerProcess.with_simulated_providers(
        root, STREAM_HEARTBEAT_SECONDS=str(HEARTBEAT_SECONDS), PROMPT_APPROVAL_SECONDS=str(APPROVAL_SECONDS),
    ) as running:  # fmt: skip
        yield running


@pytest.fixture(scope="module")
def large_output_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle, with long streams of large events."""
    with RunnerProcess.with_simulated_providers(link_checkout(tmp_path_factory.mktemp("large"))) as running:
        yield running


@pytest.fixture
def ada_client(short_timeout_runner: RunnerProcess) -> Iterator[httpx.Client]:
    with agent_client(short_timeout_runner.url, "ada") as client:
        yield client


@pytest.fixture
def runner_simulator(short_timeout_runner: RunnerProcess) -> Iterator[SimulatorClient]:
    with SimulatorClient(short_timeout_runner.get_banner_value("simulator")) as client:
        client.reset()
        yield client


def read_resuming(client: httpx.Client, first_stream: PromptStream) -> tuple[list[Message], list[PromptStream]]:
    """Resume until the prompt has ended; returns the messages in order, and the streams."""
    streams = [first_stream]
    while True:
        streams[-1].read_to_end()
        messages = [message for stream in streams for message in stream.messages]
        if streams[-1].has_ended:
            return messages, streams
        streams.append(open_stream(client, messages[0].data["promptId"], messages[-1].id))


def test_stream_ends_before_its_functions_deadline_and_resuming_loses_nothing(
    short_timeout_runner: RunnerProcess, ada_client: httpx.Client, runner_simulator: SimulatorClient
) -> None:
    messages, streams = read_resuming(
        ada_client,
        start_prompt(ada_client, runner_simulator, {**text_turn("At last."), "latency_s": 2.5 * STREAM_SECONDS}),
    )
    assert [message.event for message in messages] == ["prompt.created", "prompt.output", "prompt.completed"]
    assert [message.id for message in messages] == ["1", "2", "3"]
    assert messages == open_stream(ada_client, messages[0].data["promptId"]).read_to_end()
    # Each stream but the last sent heartbeats, and none was killed at its function's deadline.
    assert len(streams) > 2
    assert all(len(COMMENT_LINE.findall(stream.raw)) > 3 for stream in streams[:-1])
    assert not [line for line in short_timeout_runner.lines if "DeadlineExceeded" in line or "timed out" in line]


def test_expired_approval_is_rejected_and_the_prompt_continues(
    ada_client: httpx.Client, runner_simulator: SimulatorClient
) -> None:
    """The execution waits for at least 15 seconds."""
    first = start_prompt(ada_client, runner_simulator, destroy_turn(), text_turn("Well."))
    first.next_event()
    wait_for_status(ada_client, first.prompt_id, "waiting")
    expires = datetime.fromisoformat(get_prompt(ada_client, first.prompt_id)["approval"]["expiresAt"])
    wait_until(lambda: datetime.now(UTC) > expires)
    expect_error(decide(ada_client, first.prompt_id), 404, "PROMPT_NOT_FOUND")
    messages, streams = read_resuming(ada_client, first)
    assert [message.event for message in messages] == [
        "prompt.created", "prompt.approval", "prompt.output", "prompt.output", "prompt.completed",
    ]  # fmt: skip
    assert messages[2].data["result"] == {"type": "error", "error": "Not run: nobody approved this call in time"}
    assert len(streams) > 3


def test_heartbeats_are_sent_during_a_model_turn(ada_client: httpx.Client, runner_simulator: SimulatorClient) -> None:
    stream = start_prompt(ada_client, runner_simulator, {**text_turn("Well."), "latency_s": 1.5})
    created, output = stream.read_until_event("prompt.created"), stream.read_until_event("prompt.output")
    between = stream.raw[stream.raw.index(created.text.encode()) : stream.raw.index(output.text.encode())]
    assert len(COMMENT_LINE.findall(between)) >= 2
    assert stream.read_to_end()[-1].event == "prompt.completed"


def test_event_cut_by_a_killed_process_is_complete_in_the_next_stream(large_output_runner: RunnerProcess) -> None:
    """The client reads only the beginning, so that the process is killed while it writes the event."""
    url = large_output_runner.url
    slow_transport = httpx.HTTPTransport(
        verify=False, socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)]
    )
    with (
        SimulatorClient(large_output_runner.get_banner_value("simulator")) as simulator,
        agent_client(url, "ada") as client,
        agent_client(url, "ada", transport=slow_transport) as reader,
    ):
        prompt_id = run_prompt(client, simulator, text_turn("Long."))[0].data["promptId"]
        lengthen_output(large_output_runner, prompt_id, OVERSIZED_BYTES)
        messages = open_stream(client, prompt_id).read_to_end()
        with watch_new_stream(large_output_runner) as find_pid:
            stream = open_stream(reader, prompt_id)
            stream.read_until(lambda: len(stream.raw) > 1000)
            pid = find_pid()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            assert [message and message.event for message in (stream.next_event(), stream.next_event())] == [
                "prompt.created",
                None,
            ]
        assert (stream.is_broken, len(stream.raw) < OVERSIZED_BYTES) == (True, True)
        assert [*stream.messages, *open_stream(client, prompt_id, 1).read_to_end()] == messages
    assert [message.event for message in messages] == ["prompt.created", "prompt.output", "prompt.completed"]
    assert messages[1].data["content"] == "x" * OVERSIZED_BYTES


def test_process_serves_the_next_stream_after_a_client_disconnected(
    short_timeout_runner: RunnerProcess, ada_client: httpx.Client, runner_simulator: SimulatorClient
) -> None:
    """At the latest it notices at its own deadline."""
    stream = start_prompt(ada_client, runner_simulator, {**text_turn("Well."), "latency_s": 1})
    stream.next_event()
    stream.close()
    wait_until(lambda: not streaming_workers(short_timeout_runner))
    assert open_stream(ada_client, stream.prompt_id, 1).read_to_end()[-1].event == "prompt.completed"


def test_template_gives_the_stream_lambdas_maximum_timeout() -> None:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, _suffix, node: getattr(node, "value", None))
    template: Any = yaml.load(TEMPLATE.read_text(), Loader)
    assert template["Resources"][STREAM_FUNCTION]["Properties"]["Timeout"] == 900


def test_idle_stream_stays_open_for_over_a_minute(
    stack: Stack, agent: httpx.Client, simulator: SimulatorClient
) -> None:
    stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    before, started_at = len(COMMENT_LINE.findall(stream.raw)), time.monotonic()
    stream.read_until(lambda: time.monotonic() - started_at > 65)
    assert 4 <= len(COMMENT_LINE.findall(stream.raw)) - before <= 6
    decide_successfully(agent, stream.prompt_id)
    assert stream.read_to_end()[-1].event == "prompt.completed"

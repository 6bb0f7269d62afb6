"""Streams on which nothing happens for long: signs of life, and an end in good time that nobody notices who resumes."""

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
from local.stack import Stack
from tests.contract.test_agent_api import refused
from tests.local.support import CHECKOUT, SIMULATED, Running
from tests.prompts.following import (
    STREAM,
    Stream,
    begun,
    decide,
    destruction,
    followed,
    granted,
    newly_streaming,
    page,
    said,
    streaming,
    until_status,
    user,
)
from tests.prompts.readers import Message
from tests.workflow.helpers import until

pytestmark = pytest.mark.slow

HEARTBEAT, APPROVAL, LIFETIME = 0.3, 4.0, 3
TIMEOUT = LIFETIME + 5
"""Of the function; a stream ends so much earlier."""
SMALL = 64 * 1024
"""Bytes that a client's socket takes in before the client reads; the system would let it grow to megabytes."""
LARGE = 2 * int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2]) + 8_000_000
"""Bytes; more than all buffers between a function and such a client hold: two sockets on the way send."""

COMMENT = re.compile(rb"^:.*\n", re.M)


@pytest.fixture(scope="module")
def short_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The bundle, with a streaming function that may run for a few seconds only."""
    root = tmp_path_factory.mktemp("short_lived")
    for name in ("layers", "statemachines", "functions"):
        (root / name).symlink_to(CHECKOUT / name)
    text = (CHECKOUT / "template.yaml").read_text()
    changed, times = re.subn(rf"(\n  {STREAM}:\n(?:    .*\n)*?      Timeout: )\d+\n", rf"\g<1>{TIMEOUT}\n", text)
    assert times == 1
    (root / "template.yaml").write_text(changed)
    changes = {
        **SIMULATED, "POINTSMAN_DATA": str(tmp_path_factory.mktemp("data")),
        "STREAM_HEARTBEAT_SECONDS": str(HEARTBEAT), "PROMPT_APPROVAL_SECONDS": str(APPROVAL),
        "PROMPT_MAX_OUTPUT_BYTES": str(2 * LARGE),
    }  # fmt: skip
    with Running(root, **changes) as running:
        yield running


@pytest.fixture
def ada(short_lived: Running) -> Iterator[httpx.Client]:
    with user(short_lived.url, "ada") as client:
        yield client


@pytest.fixture
def model(short_lived: Running) -> Iterator[SimulatorClient]:
    with SimulatorClient(short_lived.banner("simulator")) as client:
        client.reset()
        yield client


def to_the_end(client: httpx.Client, first: Stream) -> tuple[list[Message], list[Stream]]:
    """What a client has that resumes until the prompt has ended, and the streams that it took."""
    streams = [first]
    while True:
        streams[-1].to_the_end()
        messages = [message for stream in streams for message in stream.messages]
        if streams[-1].over:
            return messages, streams
        streams.append(followed(client, messages[0].data["promptId"], messages[-1].id))


def test_stream_ends_before_its_functions_deadline_and_who_resumes_misses_nothing(
    short_lived: Running, ada: httpx.Client, model: SimulatorClient
) -> None:
    messages, streams = to_the_end(ada, begun(ada, model, {**said("At last."), "latency_s": 2.5 * LIFETIME}))
    assert [message.event for message in messages] == ["prompt.created", "prompt.output", "prompt.completed"]
    assert [message.id for message in messages] == ["1", "2", "3"]
    assert messages == followed(ada, messages[0].data["promptId"]).to_the_end()
    # Each but the last told a few times that it was there, and none was ended by its function's deadline.
    assert len(streams) > 2
    assert all(len(COMMENT.findall(stream.raw)) > 3 for stream in streams[:-1])
    assert not [line for line in short_lived.lines if "DeadlineExceeded" in line or "timed out" in line]


def test_expired_approval_is_refused_and_who_resumes_sees_the_prompt_go_on(
    ada: httpx.Client, model: SimulatorClient
) -> None:
    """The execution waits for a quarter of a minute at least."""
    first = begun(ada, model, destruction(), said("Well."))
    first.next()
    until_status(ada, first.prompt_id, "waiting")
    expires = datetime.fromisoformat(page(ada, first.prompt_id)["approval"]["expiresAt"])
    until(lambda: datetime.now(UTC) > expires or None)
    refused(decide(ada, first.prompt_id), 404, "PROMPT_NOT_FOUND")
    messages, streams = to_the_end(ada, first)
    assert [message.event for message in messages] == [
        "prompt.created", "prompt.approval", "prompt.output", "prompt.output", "prompt.completed",
    ]  # fmt: skip
    assert messages[2].data["result"] == {"type": "error", "error": "Not run: nobody approved this call in time"}
    assert len(streams) > 3


def test_signs_of_life_come_while_the_model_thinks(ada: httpx.Client, model: SimulatorClient) -> None:
    stream = begun(ada, model, {**said("Well."), "latency_s": 1.5})
    created, output = stream.to("prompt.created"), stream.to("prompt.output")
    between = stream.raw[stream.raw.index(created.text.encode()) : stream.raw.index(output.text.encode())]
    assert len(COMMENT.findall(between)) >= 2
    assert stream.to_the_end()[-1].event == "prompt.completed"


def test_event_that_a_dying_process_has_cut_in_the_middle_comes_whole_from_the_next(
    short_lived: Running, ada: httpx.Client, model: SimulatorClient
) -> None:
    """The client takes no more than its beginning, so that the process stands in the middle of writing it."""
    messages, _ = to_the_end(ada, begun(ada, model, {"text": "x" * LARGE, "usage": None}))
    prompt_id = messages[0].data["promptId"]
    slow = httpx.HTTPTransport(verify=False, socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)])
    with user(short_lived.url, "ada", transport=slow) as reader, newly_streaming(short_lived) as which:
        stream = followed(reader, prompt_id)
        stream.until(lambda: len(stream.raw) > 1000)
        pid = which()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert [message and message.event for message in (stream.next(), stream.next())] == ["prompt.created", None]
    assert (stream.broken, len(stream.raw) < LARGE) == (True, True)
    assert [*stream.messages, *followed(ada, prompt_id, 1).to_the_end()] == messages
    assert [one.event for one in messages] == ["prompt.created", "prompt.output", "prompt.completed"]
    assert messages[1].data["content"] == "x" * LARGE


def test_process_serves_the_next_stream_after_one_whose_client_is_gone(
    short_lived: Running, ada: httpx.Client, model: SimulatorClient
) -> None:
    """It notices at the latest when it has run for as long as it may."""
    stream = begun(ada, model, {**said("Well."), "latency_s": 1})
    stream.next()
    stream.close()
    until(lambda: not streaming(short_lived) or None)
    assert followed(ada, stream.prompt_id, 1).to_the_end()[-1].event == "prompt.completed"


def test_template_gives_the_stream_as_long_as_a_function_may_run() -> None:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, _suffix, node: getattr(node, "value", None))
    template: Any = yaml.load((CHECKOUT / "template.yaml").read_text(), Loader)
    assert template["Resources"][STREAM]["Properties"]["Timeout"] == 900


def test_stream_that_is_idle_for_over_a_minute_stays_open(
    stack: Stack, agent: httpx.Client, simulator: SimulatorClient
) -> None:
    stream = begun(agent, simulator, destruction(), said("Well."))
    stream.to("prompt.approval")
    before, began = len(COMMENT.findall(stream.raw)), time.monotonic()
    stream.until(lambda: time.monotonic() - began > 65)
    assert 4 <= len(COMMENT.findall(stream.raw)) - before <= 6
    granted(agent, stream.prompt_id)
    assert stream.to_the_end()[-1].event == "prompt.completed"

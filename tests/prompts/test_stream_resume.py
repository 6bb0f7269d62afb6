"""A stream cut anywhere and resumed with Last-Event-ID has the same events in sum: none lost, none twice."""

import os
import signal
import uuid

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database
from tests.harness.simulator import model_requests
from tests.harness.wait import wait_until
from tests.harness.worker_processes import has_exited
from tests.prompts.prompt_stream import (
    decide_successfully,
    destroy_turn,
    open_stream,
    post_prompt,
    run_prompt,
    start_prompt,
    text_turn,
    unique_text,
    watch_new_stream,
)
from tests.prompts.sse_readers import EventSource, Message, parse_naively

TURNS = (
    {"text": "One moment.", "calls": [{"name": "time.now"}, {"name": "instances.registry"}]},
    {"text": "And now?", **destroy_turn()},
    {"text": "Hello “you” - ¿qué tal? 🙂\n\nid: 99\n\n"},
)
EVENTS = ["prompt.created", "prompt.output", "prompt.output", "prompt.output", "prompt.output", "prompt.approval",
          "prompt.output", "prompt.output", "prompt.completed"]  # fmt: skip


def event_names(messages: list[Message]) -> list[str]:
    return [message.event for message in messages]


@pytest.fixture
def completed_prompt(agent: httpx.Client, simulator: SimulatorClient) -> tuple[str, bytes, list[Message]]:
    """A completed prompt: its id, its stream as bytes, and its events."""
    stream = start_prompt(agent, simulator, *TURNS)
    stream.read_until_event("prompt.approval")
    decide_successfully(agent, stream.prompt_id)
    messages = stream.read_to_end()
    assert event_names(messages) == EVENTS
    assert [message.id for message in messages] == [str(number) for number in range(1, len(EVENTS) + 1)]
    return stream.prompt_id, bytes(stream.raw), messages


def test_stream_cut_after_any_byte_resumes_without_loss(
    agent: httpx.Client, completed_prompt: tuple[str, bytes, list[Message]]
) -> None:
    prompt_id, raw, messages = completed_prompt
    remaining = {number: open_stream(agent, prompt_id, number or None).read_to_end() for number in range(len(messages))}
    source = EventSource()
    for place in range(len(raw)):
        source.feed(raw[place : place + 1])
        assert source.messages + remaining.get(int(source.last_id or 0), []) == messages, raw[:place]


def test_stream_cut_after_every_event_resumes_without_loss(agent: httpx.Client, simulator: SimulatorClient) -> None:
    """The model is slow, so that most cuts happen before the next event exists."""
    stream = start_prompt(agent, simulator, *({**turn, "latency_s": 0.2} for turn in TURNS))
    prompt_id, messages = "", list[Message]()
    while not messages or messages[-1].event != "prompt.completed":
        message = stream.next_event()
        assert message is not None
        stream.close()
        messages.append(message)
        prompt_id = prompt_id or message.data["promptId"]
        if message.event == "prompt.approval":
            decide_successfully(agent, prompt_id)
        if message.event != "prompt.completed":
            stream = open_stream(agent, prompt_id, message.id)
    assert event_names(messages) == EVENTS
    assert messages == open_stream(agent, prompt_id).read_to_end()


def test_stream_of_a_killed_process_resumes_in_another(
    stack: Stack, agent: httpx.Client, simulator: SimulatorClient
) -> None:
    simulator.script_model(*({**turn, "latency_s": 0.5} for turn in TURNS), match=(text := unique_text()))
    prompt_id, messages, pids, broken_streams = "", list[Message](), set[int](), 0
    while not messages or messages[-1].event != "prompt.completed":
        with watch_new_stream(stack) as find_pid:
            stream = open_stream(agent, prompt_id, messages[-1].id) if prompt_id else post_prompt(agent, text)
            message = stream.next_event()
            assert message is not None
            prompt_id = prompt_id or message.data["promptId"]
            messages.append(message)
            if message.event != "prompt.completed" and (pid := find_pid()):
                os.kill(pid, signal.SIGKILL)
                # A process takes a moment to end, and one that is still ending would be given the next request.
                wait_until(lambda pid=pid: has_exited(pid))
                assert pid not in pids
                pids.add(pid)
        # Events under way when the process died may have arrived, complete or in part.
        while message := stream.next_event():
            messages.append(message)
        if messages[-1].event == "prompt.approval":
            decide_successfully(agent, prompt_id)
        broken_streams += stream.is_broken
        stream.close()
    assert event_names(messages) == EVENTS
    assert messages == open_stream(agent, prompt_id).read_to_end()
    assert len(pids) >= broken_streams > 2


def test_stream_survives_dropped_database_connections(
    agent: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """The stream reconnects; its clients do not notice."""
    stream = start_prompt(agent, simulator, *({**turn, "latency_s": 0.3} for turn in TURNS))
    while message := stream.next_event():
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND state = 'idle' AND query ~ 'LISTEN|prompt_events'"
        )
        if message.event == "prompt.approval":
            decide_successfully(agent, stream.prompt_id)
    assert event_names(stream.read_to_end()) == EVENTS
    assert stream.messages == open_stream(agent, stream.prompt_id).read_to_end()


def test_concurrent_streams_are_equal_when_one_disconnects(agent: httpx.Client, simulator: SimulatorClient) -> None:
    first = start_prompt(agent, simulator, *TURNS)
    first.read_until_event("prompt.approval")
    second, third = open_stream(agent, first.prompt_id), open_stream(agent, first.prompt_id, 3)
    second.read_until_event("prompt.approval")
    first.close()
    decide_successfully(agent, first.prompt_id)
    messages = second.read_to_end()
    assert (event_names(messages), third.read_to_end()) == (EVENTS, messages[3:])
    assert parse_naively(second.raw) == [Message(message.event, message.text) for message in messages]


def test_repeated_request_with_its_key_streams_the_same_prompt(agent: httpx.Client, simulator: SimulatorClient) -> None:
    """For a client whose first connection broke before it got the prompt's id."""
    text = unique_text()
    simulator.script_model(text_turn("Once."), match=text)
    key = f"key-{uuid.uuid4()}"
    post_prompt(agent, text, key=key).close()
    messages = post_prompt(agent, text, key=key).read_to_end()
    assert event_names(messages) == ["prompt.created", "prompt.output", "prompt.completed"]
    assert len(model_requests(simulator)) == 1
    assert event_names(run_prompt(agent, simulator, text_turn("Other."))) == event_names(messages)


def test_prompt_continues_without_a_stream(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, {"text": "Alone.", "latency_s": 0.3})
    stream.next_event()
    stream.close()
    prompt_id = stream.prompt_id
    wait_until(lambda: agent.get(f"/prompts/{prompt_id}").json()["status"] == "completed")
    assert event_names(open_stream(agent, prompt_id, 1).read_to_end()) == ["prompt.output", "prompt.completed"]

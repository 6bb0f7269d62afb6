"""A stream that is cut anywhere and resumed with Last-Event-ID: in sum the same events, none lost and none twice."""

import os
import signal
import uuid
from typing import Any

import httpx
import psycopg
import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.local.support import gone
from tests.prompts.following import (
    asked,
    begun,
    destruction,
    followed,
    fresh_text,
    granted,
    newly_streaming,
    played,
    said,
)
from tests.prompts.readers import EventSource, Message, by_example
from tests.workflow.helpers import until

TURNS = (
    {"text": "One moment.", "calls": [{"name": "time.now"}, {"name": "instances.registry"}]},
    {"text": "And now?", **destruction()},
    {"text": "Hello “you” - ¿qué tal? 🙂\n\nid: 99\n\n"},
)
EVENTS = ["prompt.created", "prompt.output", "prompt.output", "prompt.output", "prompt.output", "prompt.approval",
          "prompt.output", "prompt.output", "prompt.completed"]  # fmt: skip


def of(messages: list[Message]) -> list[str]:
    return [message.event for message in messages]


@pytest.fixture
def whole(agent: httpx.Client, simulator: SimulatorClient) -> tuple[str, bytes, list[Message]]:
    """A prompt that has ended: its id, its stream as bytes, and the events in it."""
    stream = begun(agent, simulator, *TURNS)
    stream.to("prompt.approval")
    granted(agent, stream.prompt_id)
    messages = stream.to_the_end()
    assert of(messages) == EVENTS
    assert [message.id for message in messages] == [str(number) for number in range(1, len(EVENTS) + 1)]
    return stream.prompt_id, bytes(stream.raw), messages


def test_cut_after_any_byte_and_resumed_it_is_the_same(
    agent: httpx.Client, whole: tuple[str, bytes, list[Message]]
) -> None:
    prompt_id, raw, messages = whole
    rests = {number: followed(agent, prompt_id, number or None).to_the_end() for number in range(len(messages))}
    source = EventSource()
    for place in range(len(raw)):
        source.feed(raw[place : place + 1])
        assert source.messages + rests.get(int(source.last_id or 0), []) == messages, raw[:place]


def test_cut_after_every_event_while_it_runs(agent: httpx.Client, simulator: SimulatorClient) -> None:
    """The model takes its time, so that most cuts are made before there is more."""
    stream = begun(agent, simulator, *({**turn, "latency_s": 0.2} for turn in TURNS))
    prompt_id, messages = "", list[Message]()
    while not messages or messages[-1].event != "prompt.completed":
        message = stream.next()
        assert message is not None
        stream.close()
        messages.append(message)
        prompt_id = prompt_id or message.data["promptId"]
        if message.event == "prompt.approval":
            granted(agent, prompt_id)
        if message.event != "prompt.completed":
            stream = followed(agent, prompt_id, message.id)
    assert of(messages) == EVENTS
    assert messages == followed(agent, prompt_id).to_the_end()


def test_process_killed_after_every_event_and_resumed_in_another(
    stack: Stack, agent: httpx.Client, simulator: SimulatorClient
) -> None:
    simulator.script_model(*({**turn, "latency_s": 0.5} for turn in TURNS), match=(text := fresh_text()))
    prompt_id, messages, pids, broken = "", list[Message](), set[int](), 0
    while not messages or messages[-1].event != "prompt.completed":
        with newly_streaming(stack) as which:
            stream = followed(agent, prompt_id, messages[-1].id) if prompt_id else asked(agent, text)
            message = stream.next()
            assert message is not None
            prompt_id = prompt_id or message.data["promptId"]
            messages.append(message)
            if message.event != "prompt.completed" and (pid := which()):
                os.kill(pid, signal.SIGKILL)
                # A process takes a moment to end, and one that is still ending would be given the next request.
                until(lambda pid=pid: gone(pid) or None)
                assert pid not in pids
                pids.add(pid)
        # What was under way when the process died may have come through, whole or in part.
        while message := stream.next():
            messages.append(message)
        if messages[-1].event == "prompt.approval":
            granted(agent, prompt_id)
        broken += stream.broken
        stream.close()
    assert of(messages) == EVENTS
    assert messages == followed(agent, prompt_id).to_the_end()
    assert len(pids) >= broken > 2


def test_database_that_drops_its_connections_after_every_event(
    agent: httpx.Client, simulator: SimulatorClient, db: psycopg.Connection[dict[str, Any]]
) -> None:
    """The stream connects again, and nobody who reads it notices."""
    stream = begun(agent, simulator, *({**turn, "latency_s": 0.3} for turn in TURNS))
    while message := stream.next():
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND state = 'idle' AND query ~ 'LISTEN|prompt_events'"
        )
        if message.event == "prompt.approval":
            granted(agent, stream.prompt_id)
    assert of(stream.to_the_end()) == EVENTS
    assert stream.messages == followed(agent, stream.prompt_id).to_the_end()


def test_two_who_follow_and_one_who_leaves_see_the_same(agent: httpx.Client, simulator: SimulatorClient) -> None:
    first = begun(agent, simulator, *TURNS)
    first.to("prompt.approval")
    second, third = followed(agent, first.prompt_id), followed(agent, first.prompt_id, 3)
    second.to("prompt.approval")
    first.close()
    granted(agent, first.prompt_id)
    messages = second.to_the_end()
    assert (of(messages), third.to_the_end()) == (EVENTS, messages[3:])
    assert by_example(second.raw) == [Message(one.event, one.text) for one in messages]


def test_request_repeated_with_its_key_follows_the_same_prompt(agent: httpx.Client, simulator: SimulatorClient) -> None:
    """For a client whose very first connection broke before it knew the prompt's id."""
    text = fresh_text()
    simulator.script_model(said("Once."), match=text)
    key = f"key-{uuid.uuid4()}"
    asked(agent, text, key=key).close()
    messages = asked(agent, text, key=key).to_the_end()
    assert of(messages) == ["prompt.created", "prompt.output", "prompt.completed"]
    assert len([call for call in simulator.calls() if call.provider == "model"]) == 1
    assert of(played(agent, simulator, said("Other."))) == of(messages)


def test_prompt_goes_on_when_nobody_follows(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = begun(agent, simulator, {"text": "Alone.", "latency_s": 0.3})
    stream.next()
    stream.close()
    prompt_id = stream.prompt_id
    until(lambda: agent.get(f"/prompts/{prompt_id}").json()["status"] == "completed" or None)
    assert of(followed(agent, prompt_id, 1).to_the_end()) == ["prompt.output", "prompt.completed"]

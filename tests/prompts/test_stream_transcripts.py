"""Streams byte for byte, but for times and ids, and equal for every reader.

The golden transcripts are in `transcripts/`; each is one response of the streaming endpoint.
"""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database
from tests.prompts.prompt_stream import decide_successfully, get_prompt, normalize_stream, open_stream, start_prompt
from tests.prompts.sample_agent import usage_field
from tests.prompts.sse_readers import EventSource, Message, parse_naively, parse_strictly

TRANSCRIPTS = Path(__file__).parent / "transcripts"
CURL = shutil.which("curl")


@dataclass(frozen=True)
class Case:
    """The scripted model turns, the decision about the call, and the prompt's final status."""

    turns: tuple[dict[str, Any], ...]
    status: str = "completed"
    decision: tuple[str, dict[str, Any]] | None = None


def tool_calls(*calls: tuple[str, object], first: int = 1) -> list[dict[str, Any]]:
    return [
        {"name": name, "call_id": f"call_{number}", "arguments": arguments}
        for number, (name, arguments) in enumerate(calls, first)
    ]


CONFIGURE = {"instanceId": "golden", "variables": {"COLOUR": "grün"}}
APPROVAL_TURN = {"text": "May I?", "calls": tool_calls(("instances.configure", CONFIGURE)), **usage_field(11, 7)}
CASES = {
    "text": Case(
        ({"text": "Hello, “you”.\n\nevent: error\r\ndata: no, a line of the answer\n\n", **usage_field(9, 4)},)
    ),
    "tool": Case(
        (
            {"calls": tool_calls(("time.now", {"timezone": "UTC"})), **usage_field(10, 5)},
            {"text": "It is late.", **usage_field(20, 6)},
        )
    ),
    "several_tools": Case(
        (
            {
                "text": "One moment.",
                "calls": tool_calls(("instances.registry", {}), ("time.now", ""), ("instances.list", {"more": 1})),
            },
            {"calls": tool_calls(("time.then", {}), ("time.now", "{half"), first=4)},
            {"text": "That is all."},
        )
    ),
    "approval_granted": Case((APPROVAL_TURN, {"text": "Done.", **usage_field(12, 2)}), decision=("approve", {})),
    "approval_refused": Case(
        (APPROVAL_TURN, {"text": "As you wish.", **usage_field(12, 4)}), decision=("reject", {"reason": "Not “today”"})
    ),
    "model_error": Case(
        ({"error": {"status": 400, "code": "invalid_prompt", "message": "No."}, "times": None},), "failed"
    ),
    "tool_error": Case(
        (
            {"calls": tool_calls(("instances.status", {}), ("time.now", {"timezone": "Mars"})), **usage_field(10, 5)},
            {"text": "I am sorry.", **usage_field(20, 6)},
        )
    ),
    "cancel": Case((APPROVAL_TURN,), "cancelled", ("cancel", {})),
}
CASES["several_tools"] = Case(tuple({**turn, "usage": None} for turn in CASES["several_tools"].turns))


@pytest.fixture
def golden(simulator: SimulatorClient, db: Database) -> Iterator[None]:
    """One instance, `golden`, and a Railway whose listing fails."""
    (service,) = simulator.seed_services(1)
    db.execute("DELETE FROM instance_infra")
    db.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, created_at, updated_at)"
        " VALUES ('golden', %s, 'sim-environment', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z')",
        (service,),
    )
    simulator.inject_fault("railway", "environment", "graphql_error", times=None, message="Not Authorized")
    yield
    db.execute("DELETE FROM instance_infra WHERE instance_id = 'golden'")


@pytest.mark.usefixtures("golden")
@pytest.mark.parametrize("name", CASES)
def test_stream_equals_its_golden_transcript_for_every_reader(
    name: str, stack: Stack, agent: httpx.Client, simulator: SimulatorClient
) -> None:
    case = CASES[name]
    first = start_prompt(agent, simulator, *case.turns)
    first.next_event()
    curl = start_curl(stack, agent, first.prompt_id)
    if case.decision:
        what, body = case.decision
        call_id = first.read_until_event("prompt.approval").data["toolCallId"]
        if what == "cancel":
            assert agent.post(f"/prompts/{first.prompt_id}/cancel").json()["status"] == "cancelled"
        else:
            decide_successfully(agent, first.prompt_id, what, toolCallId=call_id, **body)
    messages = first.read_to_end()
    assert normalize_stream(first.raw) == (TRANSCRIPTS / f"{name}.sse").read_bytes().decode()
    assert get_prompt(agent, first.prompt_id)["status"] == case.status

    replay = open_stream(agent, first.prompt_id)
    assert replay.read_to_end() == messages
    assert parse_with_httpx_sse(agent, first.prompt_id) == messages
    for raw in [replay.raw, *([curl.communicate(timeout=30)[0]] if curl else [])]:
        assert parse_strictly(raw) == messages == parse_like_browser(raw, 7)
        assert parse_naively(raw) == [Message(message.event, message.text) for message in messages]


def start_curl(stack: Stack, agent: httpx.Client, prompt_id: str) -> "subprocess.Popen[bytes] | None":
    """Start a second reader of the running stream, where this machine has curl."""
    if CURL is None:
        return None
    header = f"X-User-Id: {agent.headers['X-User-Id']}"
    command = [CURL, "-sSN", "--fail", "-H", header, f"{stack.url}/api/prompts/{prompt_id}/stream"]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def parse_with_httpx_sse(agent: httpx.Client, prompt_id: str) -> list[Message]:
    """Read as httpx-sse does. It keeps the last id for events without one; all of these have one."""
    with connect_sse(agent, "GET", f"/prompts/{prompt_id}/stream") as source:
        return [Message(message.event, message.data, message.id) for message in source.iter_sse() if message.data]


def parse_like_browser(raw: bytes, size: int) -> list[Message]:
    """Read as a browser does, in chunks of `size` bytes; only events with an id."""
    source = EventSource()
    for start in range(0, len(raw), size):
        source.feed(raw[start : start + size])
    assert source.retry is not None
    assert source.last_id == source.messages[-1].id
    return source.messages


def test_browser_reader_conforms_to_the_standards_examples() -> None:
    """Checked with the standard's own examples, or its agreement would prove nothing."""
    source = EventSource()
    source.feed(b"\xef\xbb\xbf: test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third\r\r\n")
    source.feed(b"data\n\ndata\ndata\n\ndata:\n\ndata: half")
    assert [(message.text, message.id) for message in source.messages] == [
        ("first event", "1"), ("second event", ""), (" third", ""), ("", ""), ("\n", ""), ("", ""),
    ]  # fmt: skip
    with pytest.raises(AssertionError):
        parse_strictly(b"data: x\nevent: y\n\n")

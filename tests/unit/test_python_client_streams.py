"""The Python client's streams: how they are read, when they are resumed, and when they are given up."""

import json
import socket
import threading
from typing import Any

import pytest

from local.template.openapi import COMBINED_DOCUMENT_PATH
from pointsman_client import Agent, Event, PointsmanError, RetryPolicy, TextOutput, prompt_stream
from pointsman_client.events import BUILDERS
from pointsman_client.prompt_stream import MAX_EVENT_BYTES, _EventParser
from tests.harness.scripted_server import ScriptedServer, build_answer, build_stream, serve_script

QUICK = RetryPolicy(first_pause=0.001)
TIMES = {"start": "2026-11-29T10:00:00Z", "end": "2026-11-29T10:00:01Z"}


def frame(event: str, data: Any, event_id: str | None = None) -> str:
    last = f"id: {event_id}\n" if event_id else ""
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n{last}\n"


def text_frame(content: str, event_id: str) -> str:
    return frame("prompt.output", {"type": "text", "content": content, **TIMES}, event_id)


CREATED = frame("prompt.created", {"promptId": "prompt-1"}, "1")
COMPLETED = frame("prompt.completed", {"promptId": "prompt-1", "usage": {}}, "9")


def open_agent(server: ScriptedServer) -> Agent:
    return Agent(server.url, user_id="ada", retries=QUICK, verify=False)


def test_a_stream_is_read_whatever_its_pieces_are() -> None:
    content = "first\u2028second\u0085third\n\U0001f600"
    raw = (
        ": comment\nretry: 1000\n\n" + text_frame(content, "3.1") + text_frame("b", "4").replace("\n", "\r\n")
    ).encode()
    for size in (1, 7, len(raw)):
        parser = _EventParser()
        events = [event for start in range(0, len(raw), size) for event in parser.feed(raw[start : start + size])]
        assert [(event.id, event.content) for event in events if isinstance(event, TextOutput)] == [
            ("3.1", content), ("4", "b"),
        ]  # fmt: skip


def test_an_unknown_event_is_passed_on_and_a_broken_one_is_an_error() -> None:
    (event,) = _EventParser().feed(frame("prompt.novelty", {"a": 1}, "5").encode())
    assert (type(event), event.event, event.data, event.id) == (Event, "prompt.novelty", {"a": 1}, "5")
    for text in (frame("prompt.created", {}), frame("prompt.created", []), "event: error\ndata: {\n\n"):
        with pytest.raises(PointsmanError, match="UNEXPECTED_RESPONSE"):
            _EventParser().feed(text.encode())


def test_each_event_of_the_document_has_a_class() -> None:
    schemas = json.loads(COMBINED_DOCUMENT_PATH.read_text())["components"]["schemas"]
    names = [
        schemas[item["$ref"].rpartition("/")[2]]["properties"]["event"]["const"]
        for item in schemas["PromptEvent"]["oneOf"]
    ]
    assert set(names) == set(BUILDERS)


@pytest.mark.limit("python-event")
def test_an_event_has_at_most_sixteen_mebibytes() -> None:
    head, first, tail = b"event: x\n", b'data: "', b'"'
    content = b"x" * (MAX_EVENT_BYTES - len(head) + 1 - len(first) - len(tail))
    largest = head + first + content + tail
    (event,) = _EventParser().feed(largest + b"\n\n")
    assert len(str(event.data)) == len(content)
    for longer in (largest + b" ", largest + b"\nid: 1\n", head + b"data: 1\n" + largest.removeprefix(head)):
        with pytest.raises(PointsmanError, match="an event without an end"):
            _EventParser().feed(longer)


def test_a_stream_goes_on_after_its_last_event() -> None:
    half = text_frame("lost", "3")[:-20]
    with (
        serve_script(
            build_stream(CREATED, text_frame("a", "2"), half),
            build_answer(503, "{}"),
            build_stream(text_frame("b", "3"), ": the time is over\n\n"),
            build_stream(COMPLETED, text_frame("never", "10")),
        ) as server,
        open_agent(server) as agent,
    ):
        stream = agent.prompt("Hello.", all_events=True)
        assert [event.id for event in stream] == ["1", "2", "3", "9"]
        assert (stream.prompt_id, stream.last_event_id) == ("prompt-1", "9")
        assert server.list_header("Last-Event-ID") == [None, "2", "2", "3"]
        lines = [request.split("\r\n")[0].rpartition(" ")[0] for request in server.requests]
        assert lines == ["POST /api/prompt?events=all", *["GET /api/prompts/prompt-1/stream?events=all"] * 3]


def test_a_submission_is_repeated_with_its_key_until_its_prompt_is_known() -> None:
    with serve_script(build_answer(429, "{}"), build_stream(), build_stream(CREATED, COMPLETED)) as server:
        with open_agent(server) as agent:
            assert len([*agent.prompt("Hello.")]) == 2
        keys = server.list_header("Idempotency-Key")
        assert (len(keys), len(set(keys))) == (3, 1)
        assert keys[0]


def test_a_stream_that_only_ends_is_given_up() -> None:
    with serve_script(build_stream("retry: 1000\n\n")) as server, open_agent(server) as agent:
        with pytest.raises(PointsmanError, match="ends again and again"):
            list(agent.follow("prompt-1"))
        assert len(server.requests) == QUICK.attempts


def test_what_would_come_again_is_not_repeated() -> None:
    for status in (401, 403, 404, 409, 422, 500):
        with serve_script(build_answer(status, "{}")) as server, open_agent(server) as agent:
            with pytest.raises(PointsmanError):
                list(agent.prompt("Hello."))
            assert len(server.requests) == 1
    page = build_answer(200, "<html>", media_type="text/html")
    with serve_script(page) as server, open_agent(server) as agent, pytest.raises(PointsmanError, match="no stream"):
        list(agent.prompt("Hello."))


def test_a_quota_that_lasts_is_an_error_that_says_for_how_long() -> None:
    quota = {"error": {"code": "QUOTA_EXCEEDED", "message": "no", "details": {"quota": "prompts_an_hour"}}}
    with serve_script(build_answer(429, json.dumps(quota), "Retry-After: 1380")) as server, open_agent(server) as agent:
        with pytest.raises(PointsmanError) as caught:
            list(agent.prompt("Hello."))
        assert (caught.value.retry_after, caught.value.details["quota"]) == (1380, "prompts_an_hour")


def test_nothing_comes_after_the_last_event() -> None:
    with serve_script(build_answer(204, "")) as server, open_agent(server) as agent:
        assert list(agent.follow("prompt-1", "9")) == []


@pytest.mark.limit("python-silence")
def test_a_stream_that_is_silent_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prompt_stream.SILENT_SECONDS == 60
    monkeypatch.setattr(prompt_stream, "SILENT_SECONDS", 0.3)
    ended = threading.Event()

    def stay_silent(connection: socket.socket) -> None:
        connection.sendall(build_stream(CREATED))
        ended.wait(20)

    def send_heartbeats(connection: socket.socket) -> None:
        connection.sendall(build_stream())
        for _ in range(10):
            ended.wait(0.05)
            connection.sendall(b": heartbeat\n\n")
        connection.sendall(COMPLETED.encode())

    with serve_script(stay_silent, send_heartbeats) as server, open_agent(server) as agent:
        assert [event.id for event in agent.prompt("Hello.")] == ["1", "9"]
        assert len(server.requests) == 2
        ended.set()

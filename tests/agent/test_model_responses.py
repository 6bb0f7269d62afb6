"""The model client and responses that the simulator does not give."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from pointsman.agent import Input, Output, Tool
from pointsman.agent.model.client import ModelClient
from pointsman.agent.model.errors import error_from_transport
from pointsman.agent.model.response import ModelTurn, TokenUsage
from pointsman.errors import ModelFailed
from pointsman.http_transport import TRANSPORT_FAILURES, Transport
from pointsman.settings.prompts import ModelSettings
from tests.harness.model_history import make_history

TEXT_ITEM = {
    "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "hi"}],
}  # fmt: skip
STREAM_HEADERS = {"Content-Type": "text/event-stream"}


@dataclass
class ScriptedModel:
    """A transport that returns the responses in turn, and the last one again from then on."""

    responses: list[httpx.Response]
    request_bodies: list[dict[str, Any]] = field(default_factory=list)
    clock_readings: list[float] = field(default_factory=lambda: [0.0])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.request_bodies.append(json.loads(request.read()))
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        return httpx.Response(response.status_code, headers=response.headers, stream=response.stream)

    def client(self, url: str = "http://model.test/v1/", key: str = "key") -> ModelClient:
        transport = Transport(httpx.MockTransport(self), sleep=lambda _: None, clock=lambda: self.clock_readings[-1])
        return ModelClient(ModelSettings(url, key, "normal", "high", 120), transport)


@pytest.fixture
def run_turn() -> Callable[..., ModelTurn]:
    def ask(*responses: httpx.Response, **options: Any) -> ModelTurn:
        return ScriptedModel([*responses]).client().respond(make_history("x"), **options)

    return ask


def make_response_body(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"status": "completed", "error": None, "output": [*output], **more}


def make_sse_response(*events: dict[str, Any]) -> httpx.Response:
    return httpx.Response(
        200, headers=STREAM_HEADERS, content="".join(f"data: {json.dumps(event)}\n\n" for event in events)
    )


class Tree(Input):
    below: "list[Tree]"


class Anything(Output):
    pass


def test_a_request_has_the_apis_shape() -> None:
    script = ScriptedModel([httpx.Response(200, json=make_response_body(TEXT_ITEM))])
    tool = Tool("tree.grow", "Grows", Tree, Anything, lambda context: {})
    made_up = {"type": "function_call", "call_id": "c", "name": "no.such", "arguments": "{}"}
    script.client().respond(make_history("x", made_up), [tool], "Be kind.")
    (body,) = script.request_bodies
    (sent,) = body.pop("tools")
    assert body == {
        "model": "normal", "store": False, "instructions": "Be kind.", "include": ["reasoning.encrypted_content"],
        "input": [{"type": "message", "role": "user", "content": "x"}, {**made_up, "name": "no_such"}],
    }  # fmt: skip
    assert (sent["type"], sent["name"], sent["description"], sent["strict"]) == (
        "function",
        "tree_grow",
        "Grows",
        False,
    )
    assert sent["parameters"]["type"] == "object"
    assert "$ref" in json.dumps(sent["parameters"])


def test_a_plain_response_to_a_streaming_request_is_accepted(run_turn: Callable[..., ModelTurn]) -> None:
    deltas: list[str | None] = []
    assert run_turn(httpx.Response(200, json=make_response_body(TEXT_ITEM)), on_text=deltas.append).text == "hi"
    assert deltas == ["hi"]
    assert (
        run_turn(make_sse_response({"type": "response.completed", "response": make_response_body(TEXT_ITEM)})).text
        == "hi"
    )


def test_completed_items_are_used_where_the_final_event_has_none(run_turn: Callable[..., ModelTurn]) -> None:
    second = {**TEXT_ITEM, "id": "msg_2", "content": [{"type": "output_text", "text": "you"}]}
    turn = run_turn(
        make_sse_response(
            {"type": "response.output_item.done", "output_index": 1, "item": second},
            {"type": "response.output_item.done", "output_index": 0, "item": TEXT_ITEM},
            {"type": "response.completed", "response": make_response_body()},
        ),
        on_text=lambda _: None,
    )
    assert turn.items == [TEXT_ITEM, second]
    assert turn.text == "hi\n\nyou"


def test_messages_are_separated_in_deltas_as_in_the_text(run_turn: Callable[..., ModelTurn]) -> None:
    deltas: list[str | None] = []
    delta = {"type": "response.output_text.delta"}
    second = {**TEXT_ITEM, "content": [{"type": "output_text", "text": "you"}]}
    turn = run_turn(
        make_sse_response(
            {**delta, "output_index": 0, "delta": "h"},
            {**delta, "output_index": 0, "delta": "i"},
            {**delta, "output_index": 2, "delta": "you"},
            {"type": "response.completed", "response": make_response_body(TEXT_ITEM, second)},
        ),
        on_text=deltas.append,
    )
    assert "".join(str(piece) for piece in deltas) == turn.text == "hi\n\nyou"


@pytest.mark.parametrize(
    "body",
    [
        [], "text", {}, {"status": "completed"}, {"status": "queued", "output": []},
        make_response_body({"type": "function_call", "name": "a", "arguments": "{}"}),
        make_response_body({"type": "function_call", "call_id": "c", "arguments": "{}"}),
    ],
)  # fmt: skip
def test_an_incomplete_body_is_retryable(run_turn: Callable[..., ModelTurn], body: object) -> None:
    with pytest.raises(ModelFailed) as raised:
        run_turn(httpx.Response(200, json=body))
    assert raised.value.retryable
    good = httpx.Response(200, json=make_response_body(TEXT_ITEM))
    assert run_turn(httpx.Response(200, json=body), good).text == "hi"


def test_malformed_optional_members_are_ignored(run_turn: Callable[..., ModelTurn]) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "a", "arguments": {"b": 1}}
    usage = {"input_tokens": "many", "output_tokens": -1, "total_tokens": True}
    turn = run_turn(
        httpx.Response(200, json=make_response_body({"type": "new"}, {**TEXT_ITEM, "content": None}, call, usage=usage))
    )
    assert (turn.text, turn.calls[0].arguments, turn.usage) == ("", '{"b": 1}', TokenUsage())
    assert run_turn(httpx.Response(200, json={"output": [TEXT_ITEM]})).text == "hi"


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        ({"code": 502, "message": "x", "metadata": {"error_type": "provider_unavailable"}}, True),
        ({"code": "429", "message": "x"}, True),
        ({"code": 400, "message": "x"}, False),
        ({"code": "server_error"}, True),
        ({"type": "overloaded_error"}, True),
        ({"code": None, "type": "insufficient_quota"}, False),
        ("the model is gone", True),
        ({"code": "cyber_policy"}, False),
    ],
)
def test_an_error_in_the_middle_is_parsed_in_every_shape(
    run_turn: Callable[..., ModelTurn], error: object, passing: bool
) -> None:
    for response in (
        make_sse_response({"id": "gen-1", "error": error}),
        httpx.Response(200, json={"error": error}),
        make_sse_response({"type": "response.failed", "response": make_response_body(status="failed", error=error)}),
    ):
        with pytest.raises(ModelFailed) as raised:
            run_turn(response)
        assert raised.value.retryable is passing


@pytest.mark.parametrize("content", [b"", b"data: {\n\n", b"data: [DONE]\n\n", b": hi\n\n", b'data: {"type":"x"}'])
def test_a_stream_without_a_final_event_is_retryable(run_turn: Callable[..., ModelTurn], content: bytes) -> None:
    with pytest.raises(ModelFailed) as raised:
        run_turn(httpx.Response(200, headers=STREAM_HEADERS, content=content), on_text=lambda _: None)
    assert raised.value.retryable


@pytest.mark.limit("model-silence")
def test_comments_alone_do_not_extend_the_timeout() -> None:
    script = ScriptedModel([])

    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                script.clock_readings.append(script.clock_readings[-1] + 30)
                yield b": OPENROUTER PROCESSING\n\n"

    script.responses.append(httpx.Response(200, headers=STREAM_HEADERS, stream=Endless()))
    with pytest.raises(ModelFailed, match="comments"):
        script.client().respond(make_history("x"), on_text=lambda _: None)
    assert len(script.request_bodies) == 1


def test_retry_after_ms_takes_precedence() -> None:
    limited = httpx.Response(429, headers={"retry-after-ms": "30000", "retry-after": "1"}, json={"error": "slow"})
    with pytest.raises(ModelFailed) as raised:
        ScriptedModel([limited]).client().respond(make_history("x"))
    assert raised.value.retry_after == 30


@pytest.mark.parametrize("kind", sorted(TRANSPORT_FAILURES, key=lambda kind: kind.__name__))
def test_every_httpx_exception_is_mapped_without_its_text(kind: Any) -> None:
    error = kind.__new__(kind)
    error.args = ("planted",)
    assert "planted" not in str(error_from_transport(error))


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://[", "k"),
        ("ftp://model.test", "k"),
        ("nothing", "k"),
        ("http://127.0.0.1:1", "a\nb"),
        ("http://h", "ключ"),
    ],
)
def test_an_invalid_url_or_key_fails_without_being_shown(url: str, key: str) -> None:
    client = ModelClient(ModelSettings(url, key, "normal", "high", 1), Transport(sleep=lambda _: None))
    with pytest.raises(ModelFailed) as raised:
        client.respond(make_history("x"))
    assert key == "k" or key not in str(raised.value)
    client.close()


def test_a_redirect_is_not_followed(run_turn: Callable[..., ModelTurn]) -> None:
    with pytest.raises(ModelFailed, match="redirects"):
        run_turn(httpx.Response(307, headers={"Location": "http://elsewhere.test/"}))

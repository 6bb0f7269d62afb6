"""Streams as servers send them: what was streamed counts, whatever the final event and the content type say."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pointsman.agent.model.response import ModelTurn
from pointsman.errors import ModelFailed
from tests.agent.test_model_responses import STREAM_HEADERS, TEXT_ITEM, ScriptedModel, make_response_body
from tests.harness.model_history import make_history

Event = dict[str, Any]

REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}


def call(call_id: str = "call_1", name: str = "a", **more: Any) -> Event:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


def message(text: str, **more: Any) -> Event:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}], **more}


def delta(text: str, **place: Any) -> Event:
    return {"type": "response.output_text.delta", "delta": text, **place}


def start(item: Event, **place: Any) -> Event:
    return {"type": "response.output_item.added", "item": item, **place}


def finish(item: Event, **place: Any) -> Event:
    return {"type": "response.output_item.done", "item": item, **place}


def arguments_delta(text: str, **place: Any) -> Event:
    return {"type": "response.function_call_arguments.delta", "delta": text, **place}


def end(*output: Event, **response: Any) -> Event:
    return {"type": "response.completed", "response": make_response_body(*output, **response)}


def encode(*events: Event) -> bytes:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


def read(*events: Event) -> tuple[ModelTurn, str]:
    """The turn of a stream, and the text that was relayed."""
    deltas: list[str | None] = []
    script = ScriptedModel([httpx.Response(200, headers=STREAM_HEADERS, content=encode(*events))])
    turn = script.client().respond(make_history("x"), on_text=deltas.append)
    assert None not in deltas
    return turn, "".join(str(piece) for piece in deltas)


def essence(turn: ModelTurn) -> tuple[str, list[tuple[str, str, str]]]:
    return turn.text, [(one.call_id, one.tool_id, one.arguments) for one in turn.calls]


@pytest.mark.parametrize(
    "final",
    [
        end(), {"type": "response.completed"}, {"type": "response.completed", "response": None},
        {"type": "response.completed", "response": {"status": "completed"}},
        {"type": "response.completed", "response": {"output": None}}, end(message("")), end(message("lo")),
        end({"type": "message", "role": "assistant", "content": None}), end(REASONING),
        end(message("Hel")), end({"type": "message", "role": "assistant", "content": "Hello"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "events",
    [
        [delta("Hello")], [delta("Hel"), delta("lo")], [{"type": "response.output_text.done", "text": "Hello"}],
        [{"type": "response.content_part.done", "part": {"type": "output_text", "text": "Hello"}}],
        [finish(message("Hello"))], [start(message("")), delta("Hello")], [delta("Hello"), finish(message("Hello"))],
        [delta("Hello"), finish(message(""))],
        [delta("Hel", item_id="a", output_index=0), delta("lo", item_id="b", output_index=0)],
        [delta("Hel", item_id="a"), delta("lo", item_id="a"), finish(message("Hello", id="a"))],
        [start(message(""), output_index=3), delta("Hello", output_index=3), finish(message("Hello"), output_index=3)],
        [delta("Hello"), {"type": "response.output_text.done", "text": "Hello"},
         {"type": "response.content_part.done", "part": {"type": "output_text", "text": "Hello"}},
         finish(message("Hello"))],
        [finish(message("Hello", id="m")), {"type": "response.output_text.done", "text": "Hello", "item_id": "m"}],
        [finish({"role": "assistant", "type": "message", "content": "Hello"})],
    ],
)  # fmt: skip
def test_a_text_that_was_streamed_counts(events: list[Event], final: Event) -> None:
    turn, relayed = read(*events, final)
    assert essence(turn) == (relayed, []) == ("Hello", [])


def test_a_refusal_that_was_streamed_counts() -> None:
    turn, relayed = read({"type": "response.refusal.delta", "delta": "No."}, end())
    assert (turn.text, relayed) == ("No.", "No.")


def test_the_final_text_counts_where_it_differs() -> None:
    assert read(delta("Helo"), end(message("Hello")))[0].text == "Hello"


@pytest.mark.parametrize("final", [end(), end(message("Well.")), end(call(arguments="")), end(call(arguments="{"))])
@pytest.mark.parametrize(
    "events",
    [
        [finish(call(arguments='{"x":1}'))],
        [start(call(arguments="")), arguments_delta('{"x"'), arguments_delta(":1}")],
        [start(call(arguments=""), output_index=1), arguments_delta('{"x":1}', output_index=1),
         finish(call(arguments=""))],
        [start(call(arguments="", id="fc_1")), arguments_delta('{"x":1}', item_id="fc_1")],
        [start(call(arguments="")), {"type": "response.function_call_arguments.done", "arguments": '{"x":1}'}],
        [finish(call(arguments='{"x":1}', id="fc_1"), output_index=0),
         finish(call(arguments='{"x":1}', id="fc_1"), output_index=0)],
    ],
)  # fmt: skip
def test_a_call_that_was_streamed_is_never_dropped(events: list[Event], final: Event) -> None:
    turn, _ = read(*events, final)
    assert essence(turn)[1] == [("call_1", "a", '{"x":1}')]


@pytest.mark.parametrize("place", [{}, {"output_index": 0}, {"output_index": None}])
@pytest.mark.parametrize("ids", [[{}, {}], [{"id": "fc_1"}, {"id": "fc_2"}]])
def test_items_without_an_index_of_their_own_do_not_overwrite_each_other(
    place: dict[str, Any], ids: list[dict[str, str]]
) -> None:
    first, second = call("call_1", **ids[0]), call("call_2", **ids[1])
    for final in (end(), end(first), end(second), end(first, second), end(second, first)):
        turn, _ = read(finish(first, **place), finish(second, **place), final)
        assert sorted(one.call_id for one in turn.calls) == ["call_1", "call_2"]


def test_interleaved_items_are_told_apart_by_their_ids() -> None:
    first, second = call("call_1", id="fc_1", arguments=""), call("call_2", id="fc_2", arguments="")
    turn, _ = read(
        start(first), start(second), arguments_delta("[1", item_id="fc_1"), arguments_delta("[2", item_id="fc_2"),
        arguments_delta("]", item_id="fc_1"), arguments_delta("]", item_id="fc_2"), end(),
    )  # fmt: skip
    assert essence(turn)[1] == [("call_1", "a", "[1]"), ("call_2", "a", "[2]")]


@pytest.mark.parametrize("place", [[{}, {}], [{"output_index": 0}, {"output_index": 1}]])
def test_two_calls_of_one_id_are_two_calls(place: list[dict[str, int]]) -> None:
    first, second = call("call_a", arguments='{"x":1}'), call("call_a", arguments='{"x":2}')
    for final in (end(), end(first), end(first, second)):
        turn, _ = read(finish(first, **place[0]), finish(second, **place[1]), final)
        assert [one.arguments for one in turn.calls] == ['{"x":1}', '{"x":2}']


def test_the_order_and_all_items_are_kept() -> None:
    turn, relayed = read(
        finish(REASONING), delta("One."), finish(message("One.", id="msg_1")), finish(call()), delta("Two."),
        finish(message("Two.", id="msg_2")), end(message("One.", id="msg_1")),
    )  # fmt: skip
    assert [item["type"] for item in turn.items] == ["reasoning", "message", "function_call", "message"]
    assert turn.text == relayed == "One.\n\nTwo."


def test_items_that_only_the_final_event_has_are_kept() -> None:
    turn, _ = read(delta("One."), end(REASONING, message("One."), call()))
    assert [item["type"] for item in turn.items] == ["reasoning", "message", "function_call"]


def test_reasoning_that_the_final_event_shortens_is_kept() -> None:
    sealed = {**REASONING, "encrypted_content": "gAAA"}
    turn, _ = read(finish(sealed), delta("Hi."), end({**REASONING, "encrypted_content": None}, message("Hi.")))
    assert turn.items[0] == sealed


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_final_event_without_a_status_has_that_of_its_type(status: str) -> None:
    with pytest.raises(ModelFailed):
        read({"type": f"response.{status}", "response": {"output": []}})


def test_an_answer_that_was_cut_keeps_its_text() -> None:
    details = {"incomplete_details": {"reason": "max_output_tokens"}}
    turn, _ = read(delta("Half a"), {"type": "response.incomplete", "response": {"output": [], **details}})
    assert turn.text == "Half a"


HI_STREAM = encode(delta("hi"), end(TEXT_ITEM))
HI_JSON = json.dumps(make_response_body(TEXT_ITEM)).encode()


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/json", "text/event-stream; charset=utf-8"]
)
@pytest.mark.parametrize(
    "content",
    [
        HI_STREAM, b": hello\n\n" + HI_STREAM, b"event: x\n" + HI_STREAM, b"\xef\xbb\xbf" + HI_STREAM,
        b"id: 1\nretry: 5\n" + HI_STREAM, b"\n\n  \r\n" + HI_STREAM, HI_STREAM.replace(b"\n", b"\r\n"),
        HI_JSON, b"\n \n" + HI_JSON,
    ],
)  # fmt: skip
@pytest.mark.parametrize("chunk_size", [1, 3, 10_000])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_body_is_read_by_what_it_holds(
    content_type: str | None, content: bytes, chunk_size: int, streamed: bool
) -> None:
    class Chunks(httpx.SyncByteStream):
        def __iter__(self):
            yield from (content[start : start + chunk_size] for start in range(0, len(content), chunk_size))

    headers = {} if content_type is None else {"content-type": content_type}
    script = ScriptedModel([httpx.Response(200, headers=headers, stream=Chunks())])
    on_text: Callable[[str | None], None] | None = (lambda _delta: None) if streamed else None
    turn = script.client().respond(make_history("x"), on_text=on_text)
    assert (turn.text, len(script.request_bodies)) == ("hi", 1)


@pytest.mark.parametrize("content", [b"", b"<html>data: x</html>", b"upstream error", b"null", b"\n\n"])
@pytest.mark.parametrize("content_type", [None, "text/html", "text/event-stream"])
def test_a_body_of_neither_kind_fails(content: bytes, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    with pytest.raises(ModelFailed) as raised:
        ScriptedModel([httpx.Response(200, headers=headers, content=content)]).client().respond(make_history("x"))
    assert raised.value.retryable


def test_white_space_alone_does_not_extend_the_timeout() -> None:
    script = ScriptedModel([])

    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                script.clock_readings.append(script.clock_readings[-1] + 30)
                yield b"\n"

    script.responses.append(httpx.Response(200, headers=STREAM_HEADERS, stream=Endless()))
    with pytest.raises(ModelFailed, match="did not answer"):
        script.client().respond(make_history("x"))
    assert len(script.request_bodies) == 1


def test_an_error_in_an_event_is_read_whatever_the_status_says() -> None:
    content = b'data: {"error": {"message": "out of cheese", "type": "x"}}\n\n'
    with pytest.raises(ModelFailed, match="cheese"):
        ScriptedModel([httpx.Response(400, content=content)]).client().respond(make_history("x"))


@pytest.mark.parametrize(
    "body",
    [
        {"output": [{"type": "message", "role": "assistant", "content": "hi"}]},
        {"output": [{"role": "assistant", "content": "hi"}]},
        {"output": [{"type": "message", "role": "assistant", "content": ["hi"]}]},
        {"output": [{"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}]}]},
        {"output": [], "output_text": "hi"}, {"output": None, "output_text": "hi"},
    ],
)  # fmt: skip
def test_a_text_is_read_in_every_form(body: Event) -> None:
    response = httpx.Response(200, json={"status": "completed", **body})
    assert ScriptedModel([response]).client().respond(make_history("x")).text == "hi"

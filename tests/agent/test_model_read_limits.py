"""How much of a model's answer is read, and for how long: each limit is reached, and passed by one."""

import gzip
import itertools
import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.agent.model import client
from pointsman.agent.model.client import ModelClient
from pointsman.agent.model.read_limits import (
    MAX_BODY_BYTES,
    MAX_CALLS,
    MAX_ERROR_BYTES,
    MAX_EVENTS,
    MAX_OUTPUT_ITEMS,
    MAX_STREAM_BYTES,
    AnswerTooLong,
)
from pointsman.agent.model.response import MAX_TOKENS, ModelTurn, TokenUsage
from pointsman.errors import ModelFailed
from pointsman.settings.prompts import ModelSettings
from tests.agent.test_model_responses import TEXT_ITEM, ScriptedModel, make_response_body, make_sse_response
from tests.harness.hostile_model import ENDLESS_STREAMS, drip_headers, drip_stream, event, hang, silent_stream
from tests.harness.hostile_server import DRIPS, Answer, endless_body, endless_head, gzip_bomb, serve_hostile
from tests.harness.model_history import make_history
from tests.harness.tls_proxy import CertificateAuthority

COMPLETED = {"type": "response.completed", "response": make_response_body(TEXT_ITEM)}


def read_turn(response: httpx.Response, *, streamed: bool = False) -> ModelTurn:
    on_text = (lambda _delta: None) if streamed else None
    return ScriptedModel([response]).client().respond(make_history("x"), on_text=on_text)


def ask(url: str, *, seconds: float = 60, streamed: bool = True, timeout: float = 30) -> ModelTurn:
    """Ask a server, within so many seconds."""
    model = ModelClient(ModelSettings(f"{url}/v1", "key", "normal", "high", timeout))
    ends_at = time.monotonic() + seconds

    def watch() -> None:
        if time.monotonic() > ends_at:
            raise TimeoutError("the turn's time is up")

    try:
        on_text = (lambda _delta: None) if streamed else None
        return model.respond(make_history("x"), on_text=on_text, watch=watch)
    finally:
        model.close()


def pad(body: dict[str, Any], size: int) -> bytes:
    """Write a body that has this size, by a member that does not count."""
    text = json.dumps({**body, "padding": ""})
    return json.dumps({**body, "padding": "x" * (size - len(text))}).encode()


@pytest.mark.limit("model-answer")
@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_a_body_is_read_to_its_limit_however_it_is_encoded(encoding: str) -> None:
    encode: dict[str, Callable[[bytes], bytes]] = {
        "identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress
    }  # fmt: skip
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    largest = encode[encoding](pad(make_response_body(TEXT_ITEM), MAX_BODY_BYTES))
    assert read_turn(httpx.Response(200, headers=headers, stream=httpx.ByteStream(largest))).text == "hi"
    larger = encode[encoding](pad(make_response_body(TEXT_ITEM), MAX_BODY_BYTES + 1))
    with pytest.raises(AnswerTooLong, match=f"over the limit of {MAX_BODY_BYTES} bytes"):
        read_turn(httpx.Response(200, headers=headers, stream=httpx.ByteStream(larger)))


@pytest.mark.limit("model-answer")
def test_an_event_is_read_to_its_limit() -> None:
    frame = len(b"data: ")
    largest = b"data: " + pad(COMPLETED, MAX_BODY_BYTES - frame) + b"\n\n"
    headers = {"Content-Type": "text/event-stream"}
    assert read_turn(httpx.Response(200, headers=headers, content=largest), streamed=True).text == "hi"
    larger = b"data: " + pad(COMPLETED, MAX_BODY_BYTES - frame + 1) + b"\n\n"
    with pytest.raises(AnswerTooLong, match="bytes for one event"):
        read_turn(httpx.Response(200, headers=headers, content=larger), streamed=True)


@pytest.mark.limit("model-answer")
def test_what_is_kept_of_a_stream_has_a_limit() -> None:
    delta = {"type": "response.output_text.delta", "delta": "x" * 1_000_000}
    rest = {**delta, "delta": "x" * (MAX_BODY_BYTES - 6_000_000)}
    largest = make_sse_response(*[delta] * 6, rest, {"type": "response.completed", "response": make_response_body()})
    assert len(read_turn(largest, streamed=True).text) == MAX_BODY_BYTES
    with pytest.raises(AnswerTooLong):
        read_turn(make_sse_response(*[delta] * 6, rest, {**delta, "delta": "x"}, COMPLETED), streamed=True)


@pytest.mark.limit("model-stream")
def test_a_stream_has_a_limit_of_bytes() -> None:
    filler = event({"type": "response.mystery", "data": "x" * 1_000_000})
    count = MAX_STREAM_BYTES // len(filler)
    headers = {"Content-Type": "text/event-stream"}

    def stream(count: int) -> Iterator[bytes]:
        yield from [filler] * count
        yield event(COMPLETED)

    assert read_turn(httpx.Response(200, headers=headers, content=stream(count)), streamed=True).text == "hi"
    with pytest.raises(AnswerTooLong, match=f"{MAX_STREAM_BYTES} bytes"):
        read_turn(httpx.Response(200, headers=headers, content=stream(count + 1)), streamed=True)


@pytest.mark.limit("model-stream")
def test_a_stream_has_a_limit_of_events() -> None:
    def stream(count: int) -> httpx.Response:
        content = b": x\n" * count + event(COMPLETED)
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=content)

    assert read_turn(stream(MAX_EVENTS - 1), streamed=True).text == "hi"
    with pytest.raises(AnswerTooLong, match=f"{MAX_EVENTS} events"):
        read_turn(stream(MAX_EVENTS), streamed=True)


@pytest.mark.limit("model-items")
@pytest.mark.parametrize("streamed", [False, True])
def test_a_turn_has_a_limit_of_items(streamed: bool) -> None:
    def respond(count: int) -> httpx.Response:
        output = make_response_body(*[TEXT_ITEM] * count)
        final = make_sse_response({"type": "response.completed", "response": output})
        return final if streamed else httpx.Response(200, json=output)

    assert len(read_turn(respond(MAX_OUTPUT_ITEMS), streamed=streamed).items) == MAX_OUTPUT_ITEMS
    with pytest.raises(AnswerTooLong, match=f"{MAX_OUTPUT_ITEMS} items"):
        read_turn(respond(MAX_OUTPUT_ITEMS + 1), streamed=streamed)


@pytest.mark.limit("model-items")
@pytest.mark.parametrize("kind", ["items", "parts"])
def test_a_stream_has_a_limit_of_items_and_parts(kind: str) -> None:
    def make_events(count: int) -> list[dict[str, Any]]:
        if kind == "items":
            return [
                {"type": "response.output_item.done", "output_index": number, "item": {**TEXT_ITEM, "id": f"m{number}"}}
                for number in range(count)
            ]
        delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "x"}
        return [{**delta, "content_index": number} for number in range(count)]

    end = {"type": "response.completed", "response": make_response_body()}
    assert read_turn(make_sse_response(*make_events(MAX_OUTPUT_ITEMS), end), streamed=True).text
    with pytest.raises(AnswerTooLong):
        read_turn(make_sse_response(*make_events(MAX_OUTPUT_ITEMS + 1), end), streamed=True)


@pytest.mark.limit("model-calls")
def test_a_turn_has_a_limit_of_calls() -> None:
    def respond(count: int) -> httpx.Response:
        calls = [{"type": "function_call", "call_id": f"c{n}", "name": "x", "arguments": "{}"} for n in range(count)]
        return httpx.Response(200, json=make_response_body(*calls))

    assert len(read_turn(respond(MAX_CALLS)).calls) == MAX_CALLS
    with pytest.raises(AnswerTooLong, match=f"{MAX_CALLS} tool calls"):
        read_turn(respond(MAX_CALLS + 1))


@pytest.mark.limit("model-error")
def test_an_error_that_is_too_long_is_one_without_a_message() -> None:
    def fail(size: int) -> str:
        body = pad({"error": {"message": "Do not say that."}}, size)
        with pytest.raises(ModelFailed) as caught:
            read_turn(httpx.Response(400, content=body))
        return caught.value.message

    assert fail(MAX_ERROR_BYTES) == "The model refuses: HTTP 400: Do not say that."
    assert fail(MAX_ERROR_BYTES + 1) == "The model refuses: HTTP 400"


def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    for encoding in ("br", "zstd", "gzip, gzip"):
        response = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=httpx.ByteStream(b"x"))
        with pytest.raises(ModelFailed, match="content encoding"):
            read_turn(response)


def test_a_damaged_compressed_body_is_an_error() -> None:
    damaged = gzip.compress(b"{}" * 1000)[:30] + b"\0" * 30
    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(damaged))
    with pytest.raises(ModelFailed, match="damaged"):
        read_turn(response)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ENDLESS_STREAMS)
def test_a_stream_without_end_is_ended(kind: str) -> None:
    with serve_hostile(ENDLESS_STREAMS[kind]) as url, pytest.raises(ModelFailed):
        ask(url, seconds=120)


@pytest.mark.parametrize("answer", [endless_body, endless_head, gzip_bomb(400)], ids=["body", "head", "gzip bomb"])
def test_a_body_without_end_is_ended(answer: Answer) -> None:
    with serve_hostile(answer) as url, pytest.raises(ModelFailed):
        ask(url, seconds=120, streamed=False)


DRIPPING: dict[str, Answer] = {
    **DRIPS,
    "interim responses": drip_headers,
    "silence": hang,
    "silence after the head": silent_stream,
    "comments": drip_stream(b": still there\n\n"),
    "white space": drip_stream(b" "),
    "empty deltas": drip_stream(event({"type": "response.output_text.delta", "delta": ""})),
    "a line": drip_stream(b"d"),
}


@pytest.mark.slow
@pytest.mark.limit("model-turn")
@pytest.mark.parametrize("kind", DRIPPING)
def test_an_answer_that_drips_ends_with_the_turn(kind: str) -> None:
    started_at = time.monotonic()
    with serve_hostile(DRIPPING[kind]) as url, pytest.raises(TimeoutError, match="the turn's time is up"):
        ask(url, seconds=1.5)
    assert time.monotonic() - started_at < 20, "the timeout of a read is 30 s"


def test_the_wait_before_another_attempt_ends_with_the_turn() -> None:
    def answer(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 19\r\nContent-Length: 0\r\n\r\n")

    started_at = time.monotonic()
    with serve_hostile(answer) as url, pytest.raises(TimeoutError):
        ask(url, seconds=1)
    assert time.monotonic() - started_at < 15


def test_a_server_that_does_not_read_the_request_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        model = ModelClient(
            ModelSettings(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "key", "normal", "high", 30)
        )
        ends_at = time.monotonic() + 1

        def watch() -> None:
            if time.monotonic() > ends_at:
                raise TimeoutError

        with pytest.raises(TimeoutError):
            model.respond(make_history("x" * 20_000_000), watch=watch)
        model.close()


HUGE = "9" * 4000
WRONG_COUNTS = [
    str(2**63), str(2**64), HUGE, "9" * 5000, "-1", f"-{HUGE}", "1e999", "-1e999", "1e300", "NaN", "Infinity", '"12"',
    "true", "[]", "{}", str(MAX_TOKENS + 1),
]  # fmt: skip


@pytest.mark.limit("model-usage")
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("count", WRONG_COUNTS, ids=range(len(WRONG_COUNTS)))
def test_a_count_of_tokens_that_cannot_be_costs_no_text(count: str, streamed: bool) -> None:
    body = json.dumps(make_response_body(TEXT_ITEM, usage={"input_tokens": 0, "output_tokens": 7, "total_tokens": 0}))
    body = body.replace('_tokens": 0', f'_tokens": {count}')
    if streamed:
        body = f'data: {{"type": "response.completed", "response": {body}}}\n\n'
    turn = read_turn(httpx.Response(200, content=body.encode()), streamed=streamed)
    assert (turn.text, turn.usage) == ("hi", TokenUsage(0, 7, 7))


@pytest.mark.limit("model-usage")
def test_the_largest_count_of_tokens_counts() -> None:
    body = make_response_body(TEXT_ITEM, usage={"input_tokens": MAX_TOKENS, "output_tokens": 1.0})
    assert read_turn(httpx.Response(200, json=body)).usage == TokenUsage(MAX_TOKENS, 1, MAX_TOKENS + 1)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 5000])
def test_a_number_that_json_has_not_becomes_null_in_an_item(number: str) -> None:
    part = {"type": "output_text", "text": "hi", "logprobs": [{"token": "hi", "logprob": 0}]}
    body = json.dumps(make_response_body({**TEXT_ITEM, "content": [part]})).replace(
        '"logprob": 0', f'"logprob": {number}'
    )
    turn = read_turn(httpx.Response(200, content=body.encode()))
    assert turn.text == "hi"
    assert turn.items[0]["content"] == [{**part, "logprobs": [{"token": "hi", "logprob": None}]}]


def test_a_wait_is_cut_over_tls_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a request and a response of many records, and pauses in both that are longer than a slice."""
    authority = CertificateAuthority.create()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.issue(tmp_path, "127.0.0.1"))
    trusting = ssl.create_default_context(cadata=authority.pem)
    monkeypatch.setattr(client, "create_tls_context", lambda *, verify: trusting)
    text = "y" * 3_000_000
    received: list[int] = []

    def serve(listener: socket.socket) -> None:
        connection = tls.wrap_socket(listener.accept()[0], server_side=True)
        with connection, connection.makefile("rb") as reader:
            lines = [reader.readline() for _ in range(9)]
            length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length"))
            threading.Event().wait(0.8)
            received.append(len(reader.read(length)))
            body = json.dumps(make_response_body({**TEXT_ITEM, "content": [{"type": "output_text", "text": text}]}))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            connection.sendall(body[:1_500_000].encode())
            threading.Event().wait(0.8)
            connection.sendall(body[1_500_000:].encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        watched: list[float] = []
        model = client.ModelClient(
            ModelSettings(f"https://127.0.0.1:{listener.getsockname()[1]}/v1", "key", "normal", "high", 30)
        )
        turn = model.respond(make_history("x" * 8_000_000), watch=lambda: watched.append(time.monotonic()))
        thread.join(30)
        model.close()
    assert turn.text == text
    assert received[0] > 8_000_000
    assert max(after - before for before, after in itertools.pairwise(watched)) < 5

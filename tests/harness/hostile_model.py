"""Answers of a hostile or broken model, on top of `hostile_server`."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from itertools import repeat

from tests.harness.hostile_server import Answer

__all__ = [
    "ENDLESS_STREAMS",
    "drip_headers",
    "drip_stream",
    "end_lessly",
    "event",
    "hang",
    "message_item",
    "send_stream",
    "silent_stream",
]

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
_MEGABYTE = 1024 * 1024


def event(data: object) -> bytes:
    """Build an event of a stream."""
    return f"data: {json.dumps(data)}\n\n".encode()


def send_stream(*events: bytes) -> Answer:
    """Return an answer with these events, which ends with them."""
    return lambda connection: connection.sendall(STREAM_HEAD + b"".join(events))


def message_item(text: str) -> dict[str, object]:
    """Build an output item with this text."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def end_lessly(make_data: Callable[[], Iterator[bytes]]) -> Answer:
    """Return an answer that is a stream of these bytes, as fast as the client reads."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(STREAM_HEAD)
        for data in make_data():
            connection.sendall(data)

    return answer


def drip_stream(piece: bytes, seconds: float = 0.05) -> Answer:
    """Return an answer that is a stream of this piece, again and again, with a pause before each."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(STREAM_HEAD)
        while True:
            threading.Event().wait(seconds)
            connection.sendall(piece)

    return answer


def drip_headers(connection: socket.socket) -> None:
    """Send interim responses without end, each of which is followed by another."""
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        threading.Event().wait(0.01)


def hang(connection: socket.socket) -> None:
    """Send nothing until the client has gone."""
    connection.recv(1)


def silent_stream(connection: socket.socket) -> None:
    """Begin a stream, and send nothing until the client has gone."""
    connection.sendall(STREAM_HEAD + event({"type": "response.created"}))
    connection.recv(1)


def _text_delta(text: str) -> dict[str, object]:
    return {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "m", "delta": text}


def _number_items() -> Iterator[bytes]:
    for number in range(10**9):
        yield event({"type": "response.output_item.added", "output_index": number, "item": {"type": "message"}})


def _number_parts() -> Iterator[bytes]:
    for number in range(10**9):
        yield event({**_text_delta("x"), "content_index": number})


ENDLESS_STREAMS: dict[str, Answer] = {
    "text": end_lessly(lambda: repeat(event(_text_delta("x" * 10_000)))),
    "short texts": end_lessly(lambda: repeat(event(_text_delta("x")) * 200)),
    "empty deltas": end_lessly(lambda: repeat(event(_text_delta("")) * 200)),
    "arguments": end_lessly(
        lambda: repeat(
            event({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "x" * 9999})
        )
    ),
    "items": end_lessly(_number_items),
    "parts of a text": end_lessly(_number_parts),
    "large items": end_lessly(
        lambda: repeat(
            event({"type": "response.output_item.done", "item": {"type": "reasoning", "summary": [{}] * 100_000}})
        )
    ),
    "unknown events": end_lessly(lambda: repeat(event({"type": "response.mystery", "data": "x" * 10_000}))),
    "comments": end_lessly(lambda: repeat(b": still there\n\n" * 500)),
    "a line": end_lessly(lambda: repeat(b"data: " + b"x" * _MEGABYTE)),
    "an event": end_lessly(lambda: repeat(b"data: " + b"x" * 10_000 + b"\n")),
    "white space": end_lessly(lambda: repeat(b" " * _MEGABYTE)),
    "empty lines": end_lessly(lambda: repeat(b"\n" * _MEGABYTE)),
}
"""Streams without end, each of another kind."""

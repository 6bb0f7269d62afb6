"""Sending the events of a prompt as an ASGI response, in the format of an encoder.

Everything that can fail has been done before: the stream is subscribed and holds a lease.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from ...prompts.event_subscription import EventSubscription, StreamEvent
from ...prompts.stream_lease import StreamLease
from ..error_format import ErrorResponse
from .sse import HEARTBEAT_FRAME

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__all__ = [
    "STREAM_HEADERS",
    "BreakCause",
    "OpenStream",
    "StreamEncoder",
    "add_request_id",
    "compute_deadline",
    "get_header_values",
    "run_until_disconnect",
    "send_error",
    "send_no_content",
    "send_start",
    "send_stream",
]

_END_MARGIN_SECONDS = 5.0
"""A stream ends so many seconds before the function's timeout."""

_MAX_WRITE_BYTES = 64 * 1024
"""What is sent at once, so that a client that reads slowly is told from one that does not read."""

_MIN_WRITE_SECONDS = 5.0
"""A client has two heartbeats to read that, but at least so long."""

_LAST_WRITE_SECONDS = 2.0
"""How long the write of a stream's last words may take beyond its deadline."""

STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}

BreakCause = Literal["time_limit", "recalled"]
"""Why a stream ends before its prompt: its time is over, or it makes room for another one."""


class StreamEncoder(Protocol):
    """The format of a stream. One encoder encodes one stream."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the stream ends here, although its prompt may not have ended."""
        ...

    def begin(self) -> bytes:
        """Encode what comes before the events."""
        ...

    def encode(self, events: list[StreamEvent]) -> bytes:
        """Encode the next events."""
        ...

    def encode_break(self, cause: BreakCause) -> bytes:
        """Encode the end of a stream that ends before its prompt."""
        ...


class OpenStream(NamedTuple):
    """A stream whose response has not started.

    Attributes:
        subscription: to the prompt's events.
        lease: makes the stream count as one of its user's.
        initial_events: events that exist already, to send first.
        encoder: the stream's format.
        heartbeat_seconds: how long no event may come before a heartbeat is sent.
        deadline: when the stream ends at the latest, in seconds of time.monotonic.
    """

    subscription: EventSubscription
    lease: StreamLease
    initial_events: list[StreamEvent]
    encoder: StreamEncoder
    heartbeat_seconds: float
    deadline: float


def compute_deadline(scope: "Scope", max_duration: float) -> float:
    """Return when a stream that opens now ends at the latest, in seconds of time.monotonic."""
    remaining = scope["aws.context"].get_remaining_time_in_millis() / 1000 - _END_MARGIN_SECONDS
    return time.monotonic() + min(remaining, max_duration)


async def send_stream(send: "Send", stream: OpenStream) -> None:
    """Send events until the prompt or the encoder ends, the stream's deadline passes, or its lease is lost.

    The lease is released before the response ends, so that a client which has read it all may open the next stream.

    Raises:
        OSError: the client closed the connection, or does not read.
    """
    subscription, lease, encoder = stream.subscription, stream.lease, stream.encoder
    try:
        if subscription.has_ended and not stream.initial_events:
            lease.release()
            # 204 stops an EventSource from reconnecting (HTML standard, section 9.2).
            await send_no_content(send)
            return
        await send_start(send, 200, encoder.headers)
        await _write(send, stream, encoder.begin() + encoder.encode(stream.initial_events))
        heartbeat_at = time.monotonic() + stream.heartbeat_seconds
        while not (subscription.has_ended or encoder.has_ended):
            lease.renew_if_due()
            now = time.monotonic()
            if lease.is_lost or now >= stream.deadline:
                await _write(send, stream, encoder.encode_break("recalled" if lease.is_lost else "time_limit"))
                break
            timeout = max(min(stream.deadline, heartbeat_at) - now, 0.0)
            events = await subscription.wait_for_events(min(timeout, lease.seconds_until_renewal()))
            if events or time.monotonic() >= heartbeat_at:
                await _write(send, stream, encoder.encode(events) or HEARTBEAT_FRAME)
                heartbeat_at = time.monotonic() + stream.heartbeat_seconds
        lease.release()
        await _write(send, stream, b"", last=True)
    finally:
        subscription.close()
        lease.release()


async def run_until_disconnect(receive: "Receive", sending: Coroutine[Any, Any, None]) -> None:
    """Finish sending, or cancel it as soon as the client is known to be gone.

    Raises:
        OSError: the client is gone, or does not read.
    """
    task, disconnect = asyncio.create_task(sending), asyncio.create_task(_wait_for_disconnect(receive))
    try:
        await asyncio.wait({task, disconnect}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        disconnect.cancel()
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _wait_for_disconnect(receive: "Receive") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: "Send", stream: OpenStream, data: bytes, *, last: bool = False) -> None:
    """Send a part of the body, in pieces, each of which the client has to read in time.

    Raises:
        OSError: the client is gone, or does not read: not one piece in two heartbeats, or not all until the deadline.
    """
    patience = max(2 * stream.heartbeat_seconds, _MIN_WRITE_SECONDS)
    for start in range(0, len(data) or 1, _MAX_WRITE_BYTES):
        remaining = stream.deadline - time.monotonic()
        if start and remaining <= 0:
            raise ConnectionAbortedError("the client reads too slowly")
        sending = _send_body(send, data[start : start + _MAX_WRITE_BYTES], last=last)
        await _send_leased(stream.lease, sending, max(min(patience, remaining), _LAST_WRITE_SECONDS))


async def _send_leased(lease: StreamLease, sending: Coroutine[Any, Any, None], seconds: float) -> None:
    """Finish sending, which waits while the client does not read, and renew the lease meanwhile.

    Raises:
        OSError: the client is gone, or has not read for so many seconds.
    """
    task, ends_at = asyncio.create_task(sending), time.monotonic() + seconds
    try:
        while not task.done():
            remaining = ends_at - time.monotonic()
            if remaining <= 0:
                raise ConnectionAbortedError("the client does not read")
            await asyncio.wait({task}, timeout=min(lease.seconds_until_renewal(), remaining))
            lease.renew_if_due()
        task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def send_no_content(send: "Send") -> None:
    """Send a response without a body: there is nothing to stream."""
    await send_start(send, 204, {})
    await _send_body(send, b"", last=True)


async def send_error(send: "Send", error: ErrorResponse) -> None:
    """Send an error in place of a stream, as JSON."""
    await send_start(send, error.status, {"content-type": "application/json", **error.headers})
    await _send_body(send, json.dumps(error.body, separators=(",", ":")).encode(), last=True)


async def send_start(send: "Send", status: int, headers: Mapping[str, str]) -> None:
    """Send the beginning of a response."""
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _send_body(send: "Send", data: bytes, *, last: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": not last})


def add_request_id(send: "Send", request_id: str) -> "Callable[[Message], Awaitable[None]]":
    """Wrap `send`, so that the response has the header X-Request-Id."""

    async def send_with_request_id(message: "Message") -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode("latin-1"))]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_request_id


def get_header_values(scope: "Scope", name: str) -> list[str]:
    """Return the values of a header, whose name is in lower case."""
    return [value.decode("utf-8", "replace").strip() for key, value in scope["headers"] if key.decode() == name]

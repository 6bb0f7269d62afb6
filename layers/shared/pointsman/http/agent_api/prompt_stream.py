"""The ASGI app of the streaming endpoints: submit a prompt and subscribe to it, or subscribe to an existing one.

The app uses no web framework, which keeps the cold start of a stream short. Its events are those of a REST API: API
Gateway streams responses of REST APIs only.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote

from ... import log
from ...errors import FeatureUnavailable, InvalidToolInput
from ...prompts.event_subscription import BEGINNING, EventPosition, EventSubscription, StreamEvent
from ...prompts.stream_lease import StreamLease
from ...prompts.submission import start_prompt, submit_prompt
from ...settings.api import load_api_prefix
from ...settings.prompts import StreamSettings
from ..common import get_permissions, require_body_size
from ..error_format import ErrorResponse, routing_error
from .cors import add_cors
from .errors import ERROR_FORMAT, require_identity
from .json_body import parse_json_body
from .prompt_request import (
    PromptRequest,
    parse_event_selection,
    parse_idempotency_key,
    parse_last_event_id,
    parse_prompt_request,
)
from .sse import HEARTBEAT_FRAME, RECALLED_FRAME, RETRY_FRAME, TIME_LIMIT_FRAME, encode_event

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["create_stream_app"]

_STREAM_PATH = re.compile("/prompts/([^/]+)/stream")
_END_MARGIN_SECONDS = 5.0
"""A stream ends so many seconds before the function's timeout."""

_MAX_WRITE_BYTES = 64 * 1024
"""What is sent at once, so that a client that reads slowly is told from one that does not read."""

_MIN_WRITE_SECONDS = 5.0
"""A client has two heartbeats to read that, but at least so long."""

_LAST_WRITE_SECONDS = 2.0
"""How long the write of a stream's last words may take beyond its deadline."""

_STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class _OpenStream(NamedTuple):
    """A stream whose response has not started.

    Attributes:
        subscription: to the prompt's events.
        lease: makes the stream count as one of its user's.
        initial_events: events that exist already, to send first.
        heartbeat_seconds: how long no event may come before a heartbeat is sent.
        deadline: when the stream ends at the latest, in seconds of time.monotonic.
    """

    subscription: EventSubscription
    lease: StreamLease
    initial_events: list[StreamEvent]
    heartbeat_seconds: float
    deadline: float


def create_stream_app(has_conversations: Callable[[], bool]) -> "ASGIApp":
    """Create the app.

    Args:
        has_conversations: whether a prompt can belong to a conversation. Called only for a prompt with a
            `conversationId`, since it composes the bundle's agent.
    """

    async def respond(scope: "Scope", receive: "Receive", send: "Send") -> None:
        try:
            stream = await _open_stream(scope, receive, has_conversations)
        except Exception as error:  # noqa: BLE001 - nothing outside would answer in the contract's shape
            await _send_error(send, ERROR_FORMAT.respond(scope["aws.event"], error))
        else:
            await _run_until_disconnect(receive, _send_stream(send, stream))

    cors_app = add_cors(respond)

    async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        request_id = str(scope["aws.event"]["requestContext"]["requestId"])
        log.set_context(request_id=request_id)
        await cors_app(scope, receive, _add_request_id(send, request_id))

    return app


async def _open_stream(scope: "Scope", receive: "Receive", has_conversations: Callable[[], bool]) -> _OpenStream:
    """Do everything that can fail before the first byte is sent."""
    event, settings = scope["aws.event"], StreamSettings.load()
    remaining = scope["aws.context"].get_remaining_time_in_millis() / 1000 - _END_MARGIN_SECONDS
    deadline = time.monotonic() + min(remaining, settings.max_duration)
    user_id = require_identity(event)
    require_body_size(event)
    path = scope["raw_path"].decode("ascii", "replace").removeprefix(load_api_prefix())
    match = _STREAM_PATH.fullmatch(path)
    allowed_method = "GET" if match else "POST"
    if match is None and path != "/prompt":
        raise routing_error(scope["method"], scope["path"])
    if scope["method"] != allowed_method:
        raise routing_error(scope["method"], scope["path"], allow=allowed_method)
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    include_call_events = parse_event_selection(query.get("events", []))
    if match:
        position = parse_last_event_id(_get_header_values(scope, "last-event-id"), query.get("lastEventId", []))
        prompt_id = unquote(match[1])
        lease = StreamLease.acquire(user_id, prompt_id)
        subscribe = partial(EventSubscription, user_id, prompt_id, position, include_call_events=include_call_events)
    else:
        submission = _parse_submission(scope, (await receive())["body"], has_conversations)
        lease = StreamLease.acquire(user_id, None)
        subscribe = partial(
            _submit_and_subscribe, user_id, get_permissions(event), submission, include_call_events=include_call_events
        )
    try:
        subscription = subscribe()
        lease.prompt_id = subscription.prompt_id
        try:
            initial_events = subscription.replay()
        except BaseException:
            subscription.close()
            raise
    except BaseException:
        lease.release()
        raise
    return _OpenStream(subscription, lease, initial_events, settings.heartbeat_interval, deadline)


class _Submission(NamedTuple):
    """A valid request to submit a prompt. `position` is its Last-Event-ID, BEGINNING without one."""

    body: PromptRequest
    idempotency_key: str | None
    position: EventPosition


def _parse_submission(scope: "Scope", data: bytes, has_conversations: Callable[[], bool]) -> _Submission:
    """Parse the request to submit a prompt.

    Raises:
        InvalidToolInput: it is not valid.
        FeatureUnavailable: it names a conversation, and there are none.
    """
    body = parse_prompt_request(parse_json_body(data))
    key = parse_idempotency_key(_get_header_values(scope, "idempotency-key"))
    position = parse_last_event_id(_get_header_values(scope, "last-event-id"), [])
    if position != BEGINNING and key is None:
        # A client that reconnects by repeating its request must not submit a second prompt.
        issue = "It belongs to a request with an Idempotency-Key, or to GET /prompts/{promptId}/stream"
        raise InvalidToolInput("The request is not valid", [{"path": ["Last-Event-ID"], "message": issue}])
    if body.conversation_id is not None and not has_conversations():
        raise FeatureUnavailable("There are no conversations here: the plugin `conversation` is not registered")
    return _Submission(body, key, position)


def _submit_and_subscribe(
    user_id: str, permissions: tuple[str, ...], submission: _Submission, *, include_call_events: bool
) -> EventSubscription:
    """Submit a prompt, or find the one that an earlier request with this idempotency key submitted."""
    body = submission.body
    submitted = submit_prompt(
        user_id,
        body.input,
        model=body.model,
        conversation_id=body.conversation_id,
        tokens=body.tokens,
        idempotency_key=submission.idempotency_key,
        permissions=permissions,
    )
    subscription = EventSubscription.open_before_start(
        user_id, submitted, submission.position, include_call_events=include_call_events
    )
    try:
        start_prompt(submitted)
    except BaseException:
        subscription.close()
        raise
    return subscription


async def _send_stream(send: "Send", stream: _OpenStream) -> None:
    """Send events until the prompt ends, the stream's deadline passes, or its lease is lost.

    The lease is released before the response ends, so that a client which has read it all may open the next stream.

    Raises:
        OSError: the client closed the connection, or does not read.
    """
    subscription, lease = stream.subscription, stream.lease
    try:
        if subscription.has_ended and not stream.initial_events:
            lease.release()
            # 204 stops an EventSource from reconnecting (HTML standard, section 9.2).
            await _send_start(send, 204, {})
            await _write(send, stream, b"", last=True)
            return
        await _send_start(send, 200, _STREAM_HEADERS)
        await _write(send, stream, RETRY_FRAME + _encode_events(stream.initial_events))
        heartbeat_at = time.monotonic() + stream.heartbeat_seconds
        while not subscription.has_ended:
            lease.renew_if_due()
            now = time.monotonic()
            if lease.is_lost or now >= stream.deadline:
                await _write(send, stream, RECALLED_FRAME if lease.is_lost else TIME_LIMIT_FRAME)
                break
            timeout = max(min(stream.deadline, heartbeat_at) - now, 0.0)
            events = await subscription.wait_for_events(min(timeout, lease.seconds_until_renewal()))
            if events or time.monotonic() >= heartbeat_at:
                await _write(send, stream, _encode_events(events) or HEARTBEAT_FRAME)
                heartbeat_at = time.monotonic() + stream.heartbeat_seconds
        lease.release()
        await _write(send, stream, b"", last=True)
    finally:
        subscription.close()
        lease.release()


async def _run_until_disconnect(receive: "Receive", sending: Coroutine[Any, Any, None]) -> None:
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


async def _write(send: "Send", stream: _OpenStream, data: bytes, *, last: bool = False) -> None:
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


async def _send_error(send: "Send", error: ErrorResponse) -> None:
    await _send_start(send, error.status, {"content-type": "application/json", **error.headers})
    await _send_body(send, json.dumps(error.body, separators=(",", ":")).encode(), last=True)


async def _send_start(send: "Send", status: int, headers: Mapping[str, str]) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _send_body(send: "Send", data: bytes, *, last: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": not last})


def _encode_events(events: list[StreamEvent]) -> bytes:
    return b"".join(encode_event(*event) for event in events)


def _add_request_id(send: "Send", request_id: str) -> "Callable[[Message], Awaitable[None]]":
    async def send_with_request_id(message: "Message") -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode("latin-1"))]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_request_id


def _get_header_values(scope: "Scope", name: str) -> list[str]:
    return [value.decode("utf-8", "replace").strip() for key, value in scope["headers"] if key.decode() == name]

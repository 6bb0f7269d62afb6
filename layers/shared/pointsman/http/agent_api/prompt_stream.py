"""The app of what streams: beginning a prompt and following it, and following one that was begun before.

A plain ASGI app of a REST API's events, so that a stream's cold start loads no web framework.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote

from ... import log
from ...errors import FeatureUnavailable, InvalidToolInput, PointsmanError
from ...prompts.event_subscription import EventSubscription, StreamEvent
from ...prompts.submission import start_prompt, submit_prompt
from ...settings.api import load_api_prefix
from ...settings.prompts import StreamSettings
from ..common import body_size_error
from .errors import (
    ErrorResponse,
    add_cors_middleware,
    error_response,
    identity_error,
    internal_error,
    parse_json_body,
    routing_error,
)
from .prompt_request import PromptRequest, parse_idempotency_key, parse_last_event_id, parse_prompt_request
from .sse import HEARTBEAT_FRAME, RETRY_FRAME, TIME_LIMIT_FRAME, encode_event

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["create_stream_app"]

_STREAM_PATH = re.compile("/prompts/([^/]+)/stream")
_END_MARGIN_SECONDS = 5.0
"""Seconds before the function's end at which a stream ends in any case."""

_STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class _OpenStream(NamedTuple):
    """A stream about to begin: whom it is for, what he is told at once, and until when it lasts (time.monotonic)."""

    subscription: EventSubscription
    initial_events: list[StreamEvent]
    heartbeat_seconds: float
    deadline: float


def create_stream_app(has_conversations: Callable[[], bool]) -> "ASGIApp":
    """The app. `has_conversations` tells whether a prompt can belong to a conversation; only such a prompt asks it."""

    async def respond(scope: "Scope", receive: "Receive", send: "Send") -> None:
        try:
            stream_or_error = await _open_stream(scope, receive, has_conversations)
        except PointsmanError as error:
            stream_or_error = error_response(error)
        except Exception as error:  # noqa: BLE001 - nothing outside would answer in the contract's shape
            stream_or_error = internal_error(error)
        if isinstance(stream_or_error, ErrorResponse):
            await _send_error(send, stream_or_error)
        else:
            await _send_stream(send, stream_or_error)

    cors_app: ASGIApp | None = None

    async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        nonlocal cors_app
        request_id = str(scope["aws.event"]["requestContext"]["requestId"])
        log.set_context(request_id=request_id)
        cors_app = cors_app or add_cors_middleware(respond)
        await cors_app(scope, receive, _add_request_id(send, request_id))

    return app


async def _open_stream(
    scope: "Scope", receive: "Receive", has_conversations: Callable[[], bool]
) -> _OpenStream | ErrorResponse:
    """All that can be refused, before the first byte."""
    event, settings = scope["aws.event"], StreamSettings.load()
    remaining = scope["aws.context"].get_remaining_time_in_millis() / 1000 - _END_MARGIN_SECONDS
    deadline = time.monotonic() + min(remaining, settings.max_duration)
    identity: Mapping[str, Any] = event["requestContext"].get("authorizer") or {}
    if access_error := identity_error(identity) or body_size_error(event):
        return error_response(access_error)
    path = scope["raw_path"].decode("ascii", "replace").removeprefix(load_api_prefix())
    match = _STREAM_PATH.fullmatch(path)
    allowed_method = "GET" if match else "POST"
    if match is None and path != "/prompt":
        return routing_error(404, scope["method"], scope["path"])
    if scope["method"] != allowed_method:
        return routing_error(405, scope["method"], scope["path"], {"Allow": allowed_method})
    user_id = str(identity["user"])
    if match:
        query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        seq = parse_last_event_id(_get_header_values(scope, "last-event-id"), query.get("lastEventId", []))
        subscription = EventSubscription(user_id, unquote(match[1]), seq)
    else:
        body = parse_prompt_request(parse_json_body((await receive())["body"]))
        subscription = _submit_and_subscribe(user_id, scope, body, has_conversations)
    try:
        return _OpenStream(subscription, subscription.replay(), settings.heartbeat_interval, deadline)
    except BaseException:
        subscription.close()
        raise


def _submit_and_subscribe(
    user_id: str, scope: "Scope", body: PromptRequest, has_conversations: Callable[[], bool]
) -> EventSubscription:
    """Begin the prompt, or find the one that the same request began before."""
    key = parse_idempotency_key(_get_header_values(scope, "idempotency-key"))
    seq = parse_last_event_id(_get_header_values(scope, "last-event-id"), [])
    if seq and key is None:
        # A client that comes back to its stream by sending its request again must not begin a second prompt.
        issue = "It belongs to a request with an Idempotency-Key, or to GET /prompts/{promptId}/stream"
        raise InvalidToolInput("The request is not valid", [{"path": ["Last-Event-ID"], "message": issue}])
    if body.conversation_id is not None and not has_conversations():
        raise FeatureUnavailable("There are no conversations here: the plugin `conversation` is not registered")
    submitted = submit_prompt(
        user_id,
        body.input,
        model=body.model,
        conversation_id=body.conversation_id,
        tokens=body.tokens,
        idempotency_key=key,
    )
    subscription = EventSubscription.open_before_start(user_id, submitted.id, seq)
    try:
        start_prompt(submitted)
    except BaseException:
        subscription.close()
        raise
    return subscription


async def _send_stream(send: "Send", stream: _OpenStream) -> None:
    """Tell all that comes until the end, the prompt's or the stream's. Ends by an OSError where the client has gone."""
    subscription = stream.subscription
    try:
        if subscription.has_ended and not stream.initial_events:
            # What makes an EventSource come back no more.
            await _send_start(send, 204, {})
            await _send_body(send, b"", last=True)
            return
        await _send_start(send, 200, _STREAM_HEADERS)
        await _send_body(send, RETRY_FRAME + _encode_events(stream.initial_events))
        while not subscription.has_ended:
            remaining = stream.deadline - time.monotonic()
            if remaining <= 0:
                await _send_body(send, TIME_LIMIT_FRAME)
                break
            await _send_body(
                send,
                _encode_events(await subscription.wait_for_events(min(stream.heartbeat_seconds, remaining)))
                or HEARTBEAT_FRAME,
            )
        await _send_body(send, b"", last=True)
    finally:
        subscription.close()


async def _send_error(send: "Send", error: ErrorResponse) -> None:
    await _send_start(send, error.status, {"content-type": "application/json", **error.headers})
    await _send_body(send, json.dumps(error.body, separators=(",", ":")).encode(), last=True)


async def _send_start(send: "Send", status: int, headers: Mapping[str, str]) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _send_body(send: "Send", data: bytes, *, last: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": not last})


def _encode_events(events: list[StreamEvent]) -> bytes:
    return b"".join(encode_event(*one) for one in events)


def _add_request_id(send: "Send", request_id: str) -> "Callable[[Message], Awaitable[None]]":
    """The answer says its request's id."""

    async def send_with_request_id(message: "Message") -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode("latin-1"))]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_request_id


def _get_header_values(scope: "Scope", name: str) -> list[str]:
    return [value.decode("utf-8", "replace").strip() for key, value in scope["headers"] if key.decode() == name]

"""The app of what streams: beginning a prompt and following it, and following one that was begun before.

A plain ASGI app of a REST API's events, so that a stream's cold start loads no web framework.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote

from .. import log
from ..db.prompt_notes import Listener
from ..errors import FeatureUnavailable, InvalidToolInput, PointsmanError
from ..prompts.beginning import begin
from ..prompts.following import Follower, Told
from ..settings.agent import api_prefix
from ..settings.streams import StreamSettings
from .agent_refusals import Refusal, json_of, refusal, stranger, surprise, unknown_route, with_cors
from .basics import oversize
from .prompt_request import Asked, asked, idempotency_key, last_event_id
from .sse import BEGINNING, HEARTBEAT, TIME_IS_OVER, frame

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["streaming_app"]

_FOLLOW = re.compile("/prompts/([^/]+)/stream")
_MARGIN = 5.0
"""Seconds before the function's end at which a stream ends in any case."""

_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class _Opened(NamedTuple):
    """A stream about to begin: whom it is for, what he is told at once, and until when it lasts (time.monotonic)."""

    follower: Follower
    told: list[Told]
    heartbeat: float
    until: float


def streaming_app(has_conversations: Callable[[], bool]) -> "ASGIApp":
    """The app. `has_conversations` tells whether a prompt can belong to a conversation; only such a prompt asks it."""

    async def guarded(scope: "Scope", receive: "Receive", send: "Send") -> None:
        try:
            opened = await _open(scope, receive, has_conversations)
        except PointsmanError as error:
            opened = refusal(error)
        except Exception as error:  # noqa: BLE001 - nothing outside would answer in the contract's shape
            opened = surprise(error)
        if isinstance(opened, Refusal):
            await _refuse(send, opened)
        else:
            await _stream(send, opened)

    served: ASGIApp | None = None

    async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        nonlocal served
        request_id = str(scope["aws.event"]["requestContext"]["requestId"])
        log.about(request_id=request_id)
        served = served or with_cors(guarded)
        await served(scope, receive, _signed(send, request_id))

    return app


async def _open(scope: "Scope", receive: "Receive", has_conversations: Callable[[], bool]) -> _Opened | Refusal:
    """All that can be refused, before the first byte."""
    event, settings = scope["aws.event"], StreamSettings.load()
    left = scope["aws.context"].get_remaining_time_in_millis() / 1000 - _MARGIN
    until = time.monotonic() + min(left, settings.longest)
    identity: Mapping[str, Any] = event["requestContext"].get("authorizer") or {}
    if refused := stranger(identity) or oversize(event):
        return refusal(refused)
    path = scope["raw_path"].decode("ascii", "replace").removeprefix(api_prefix())
    found = _FOLLOW.fullmatch(path)
    allowed = "GET" if found else "POST"
    if found is None and path != "/prompt":
        return unknown_route(404, scope["method"], scope["path"])
    if scope["method"] != allowed:
        return unknown_route(405, scope["method"], scope["path"], {"Allow": allowed})
    user = str(identity["user"])
    if found:
        query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        seq = last_event_id(_header(scope, "last-event-id"), query.get("lastEventId", []))
        follower = Follower(user, unquote(found[1]), seq)
    else:
        body = asked(json_of((await receive())["body"]))
        follower = _begun(user, scope, body, has_conversations)
    try:
        return _Opened(follower, follower.open(), settings.heartbeat, until)
    except BaseException:
        follower.close()
        raise


def _begun(user: str, scope: "Scope", body: Asked, has_conversations: Callable[[], bool]) -> Follower:
    """Begin the prompt, or find the one that the same request began before."""
    key = idempotency_key(_header(scope, "idempotency-key"))
    seq = last_event_id(_header(scope, "last-event-id"), [])
    if seq and key is None:
        # A client that comes back to its stream by sending its request again must not begin a second prompt.
        issue = "It belongs to a request with an Idempotency-Key, or to GET /prompts/{promptId}/stream"
        raise InvalidToolInput("The request is not valid", [{"path": ["Last-Event-ID"], "message": issue}])
    if body.conversation_id is not None and not has_conversations():
        raise FeatureUnavailable("There are no conversations here: the plugin `conversation` is not registered")
    listeners: list[Listener] = []

    def listen(prompt_id: str) -> None:
        listeners.append(Listener(prompt_id))
        with suppress(PointsmanError):  # It is begun: whoever cannot listen looks.
            listeners[-1].listen()

    try:
        prompt_id = begin(
            user, body.input, model=body.model, conversation_id=body.conversation_id, tokens=body.tokens, key=key,
            follow=listen,
        )  # fmt: skip
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return Follower(user, prompt_id, seq, listeners[-1])


async def _stream(send: "Send", opened: _Opened) -> None:
    """Tell all that comes until the end, the prompt's or the stream's. Ends by an OSError where the client has gone."""
    follower = opened.follower
    try:
        if follower.ended and not opened.told:
            # What makes an EventSource come back no more.
            await _start(send, 204, {})
            await _part(send, b"", last=True)
            return
        await _start(send, 200, _STREAM)
        await _part(send, BEGINNING + _frames(opened.told))
        while not follower.ended:
            left = opened.until - time.monotonic()
            if left <= 0:
                await _part(send, TIME_IS_OVER)
                break
            await _part(send, _frames(await follower.more(min(opened.heartbeat, left))) or HEARTBEAT)
        await _part(send, b"", last=True)
    finally:
        follower.close()


async def _refuse(send: "Send", refused: Refusal) -> None:
    await _start(send, refused.status, {"content-type": "application/json", **refused.headers})
    await _part(send, json.dumps(refused.body, separators=(",", ":")).encode(), last=True)


async def _start(send: "Send", status: int, headers: Mapping[str, str]) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _part(send: "Send", data: bytes, *, last: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": not last})


def _frames(told: list[Told]) -> bytes:
    return b"".join(frame(*one) for one in told)


def _signed(send: "Send", request_id: str) -> "Callable[[Message], Awaitable[None]]":
    """The answer says its request's id."""

    async def signed(message: "Message") -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode("latin-1"))]
            message = {**message, "headers": headers}
        await send(message)

    return signed


def _header(scope: "Scope", name: str) -> list[str]:
    return [value.decode("utf-8", "replace").strip() for given, value in scope["headers"] if given.decode() == name]

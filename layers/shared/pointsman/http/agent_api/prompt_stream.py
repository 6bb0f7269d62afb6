"""The ASGI app of the streaming endpoints: submit a prompt and subscribe to it, or subscribe to an existing one.

The app uses no web framework, which keeps the cold start of a stream short. Its events are those of a REST API: API
Gateway streams responses of REST APIs only.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, unquote

from ... import log
from ...errors import FeatureUnavailable, InvalidToolInput
from ...prompts.event_subscription import BEGINNING, EventPosition, EventSubscription, StreamEvent
from ...prompts.stream_lease import StreamLease
from ...prompts.submission import start_prompt, submit_prompt
from ...settings.api import load_api_prefix
from ...settings.prompts import StreamSettings
from ..common import get_permissions, require_body_size
from ..error_format import routing_error
from .cors import add_cors
from .errors import ERROR_FORMAT, require_identity
from .event_stream import (
    STREAM_HEADERS,
    BreakCause,
    OpenStream,
    add_request_id,
    compute_deadline,
    get_header_values,
    run_until_disconnect,
    send_error,
    send_stream,
)
from .json_body import parse_json_body
from .prompt_request import (
    PromptRequest,
    parse_event_selection,
    parse_idempotency_key,
    parse_last_event_id,
    parse_prompt_request,
)
from .sse import RECALLED_FRAME, RETRY_FRAME, TIME_LIMIT_FRAME, encode_event

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["create_stream_app"]

_STREAM_PATH = re.compile("/prompts/([^/]+)/stream")


class _EventEncoder:
    """The project's own format: each event by its name, with its id."""

    headers = STREAM_HEADERS
    has_ended = False

    def begin(self) -> bytes:
        return RETRY_FRAME

    def encode(self, events: list[StreamEvent]) -> bytes:
        return b"".join(encode_event(*event) for event in events)

    def encode_break(self, cause: BreakCause) -> bytes:
        return RECALLED_FRAME if cause == "recalled" else TIME_LIMIT_FRAME


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
            await send_error(send, ERROR_FORMAT.respond(scope["aws.event"], error))
        else:
            await run_until_disconnect(receive, send_stream(send, stream))

    cors_app = add_cors(respond)

    async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        request_id = str(scope["aws.event"]["requestContext"]["requestId"])
        log.set_context(request_id=request_id)
        await cors_app(scope, receive, add_request_id(send, request_id))

    return app


async def _open_stream(scope: "Scope", receive: "Receive", has_conversations: Callable[[], bool]) -> OpenStream:
    """Do everything that can fail before the first byte is sent."""
    event, settings = scope["aws.event"], StreamSettings.load()
    deadline = compute_deadline(scope, settings.max_duration)
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
        position = parse_last_event_id(get_header_values(scope, "last-event-id"), query.get("lastEventId", []))
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
    return OpenStream(subscription, lease, initial_events, _EventEncoder(), settings.heartbeat_interval, deadline)


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
    key = parse_idempotency_key(get_header_values(scope, "idempotency-key"))
    position = parse_last_event_id(get_header_values(scope, "last-event-id"), [])
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

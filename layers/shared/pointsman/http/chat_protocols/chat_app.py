"""The ASGI app of the chat protocols: a request submits a message, answers approvals, or follows a thread's prompt.

It uses no web framework. Errors before the first event are the Agent API's, as JSON; later ones are the protocol's.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ... import log
from ...actor import set_actor
from ...errors import FeatureUnavailable
from ...prompts import chat_threads
from ...settings.api import load_api_prefix
from ...settings.prompts import StreamSettings
from ..agent_api.cors import add_cors
from ..agent_api.errors import ERROR_FORMAT, require_identity
from ..agent_api.event_stream import (
    OpenStream,
    add_request_id,
    compute_deadline,
    run_until_disconnect,
    send_error,
    send_no_content,
    send_stream,
)
from ..agent_api.json_body import parse_json_body
from ..common import get_permissions, make_actor, require_body_size
from ..error_format import routing_error
from .agui_input import parse_run_agent_input
from .chat_actions import User, answer_approvals, follow_thread, submit_message
from .chat_request import ChatRequest, invalid_request, parse_thread_id
from .ui_message_request import parse_ui_message_request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["create_chat_app"]

_PARSERS: dict[str, Callable[[object], ChatRequest]] = {
    "/agui": parse_run_agent_input,
    "/chat": parse_ui_message_request,
}
_STREAM_PATH = re.compile("/chat/([^/]+)/stream")


def create_chat_app(has_conversations: Callable[[], bool]) -> "ASGIApp":
    """Create the app. `has_conversations` says whether a prompt can belong to a conversation; here all do."""

    async def respond(scope: "Scope", receive: "Receive", send: "Send") -> None:
        event = scope["aws.event"]
        try:
            stream = await _open_stream(scope, receive, has_conversations)
        except Exception as error:  # noqa: BLE001 - nothing outside would answer in the contract's shape
            await send_error(send, ERROR_FORMAT.respond(event, error))
            return
        finally:
            set_actor(None)
        if stream is None:
            await send_no_content(send)
        else:
            await run_until_disconnect(receive, send_stream(send, stream))

    cors_app = add_cors(respond)

    async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        request_id = str(scope["aws.event"]["requestContext"]["requestId"])
        log.set_context(request_id=request_id)
        await cors_app(scope, receive, add_request_id(send, request_id))

    return app


async def _open_stream(scope: "Scope", receive: "Receive", has_conversations: Callable[[], bool]) -> OpenStream | None:
    """Do everything that can fail before the first byte is sent. None if there is no prompt to follow."""
    event, settings = scope["aws.event"], StreamSettings.load()
    deadline = compute_deadline(scope, settings.max_duration)
    user = User(require_identity(event), get_permissions(event))
    require_body_size(event)
    set_actor(make_actor(event, "user", user.id))
    path = scope["raw_path"].decode("ascii", "replace").removeprefix(load_api_prefix())
    match = _STREAM_PATH.fullmatch(path)
    parse = _PARSERS.get(path)
    if match is None and parse is None:
        raise routing_error(scope["method"], scope["path"])
    allowed_method = "GET" if match else "POST"
    if scope["method"] != allowed_method:
        raise routing_error(scope["method"], scope["path"], allow=allowed_method)
    if scope["query_string"]:
        raise invalid_request("Query parameters are not permitted; everything is in the path and the body", "query")
    if parse is not None:
        request = parse(parse_json_body((await receive())["body"]))
        thread_id = request.thread_id
    else:
        assert match is not None
        request, thread_id = None, parse_thread_id(unquote(match[1]), "chatId")
    if not has_conversations():
        raise FeatureUnavailable("There are no conversations here: the plugin `conversation` is not registered")
    conversation_id = chat_threads.find_conversation_id(user.id, thread_id)
    if request is None:
        followed = follow_thread(user, conversation_id)
    elif request.message is not None:
        followed = submit_message(user, conversation_id, request, request.message)
    else:
        followed = await answer_approvals(user, conversation_id, request)
    if followed is None:
        return None
    return OpenStream(*followed, settings.heartbeat_interval, deadline)

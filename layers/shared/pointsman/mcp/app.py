"""The ASGI app of the MCP endpoint: streamable HTTP without sessions, one message by POST, one answer.

The answer is JSON, or, as soon as there is something to say before it, server-sent events. Its events are those of a
REST API, which streams.
"""

import asyncio
from typing import TYPE_CHECKING

from .. import deadlines, log
from ..actor import set_actor
from ..agent.agent import Agent
from ..errors import Forbidden, InvalidSetting
from ..http.agent_api.cors import add_cors
from ..http.agent_api.errors import ERROR_FORMAT, require_identity
from ..http.agent_api.event_stream import (
    STREAM_HEADERS,
    add_request_id,
    compute_deadline,
    run_until_disconnect,
    send_error,
    send_start,
)
from ..http.common import get_permissions, make_actor, require_body_size
from ..http.error_format import routing_error
from ..metrics import emit_provider_calls
from ..settings.api import load_cors_origins
from ..settings.mcp import load_wait_seconds
from ..settings.prompts import StreamSettings
from .exchange import Exchange
from .messages import INTERNAL_ERROR, JsonObject, Message, RpcError, build_error, build_result, encode, parse_message
from .revisions import Request, get_error_status, read_request
from .server import McpServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["create_mcp_app"]

_JSON_WAIT_SECONDS = 50.0
"""How long a client that takes no events may wait for its first byte: CloudFront waits 60 s."""

_MIN_WRITE_SECONDS = 5.0
_JSON_HEADERS = {"content-type": "application/json"}


def create_mcp_app(agent: Agent) -> "ASGIApp":
    """Create the app of a started agent."""
    server = McpServer(agent)

    async def respond(scope: "Scope", receive: "Receive", send: "Send") -> None:
        event = scope["aws.event"]
        try:
            with deadlines.begin(scope["aws.context"]):
                await _respond(server, scope, receive, send)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing outside would answer in the contract's shape
            await send_error(send, ERROR_FORMAT.respond(event, error))
        finally:
            set_actor(None)
            emit_provider_calls()

    cors_app = add_cors(respond)

    async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        request_id = str(scope["aws.event"]["requestContext"]["requestId"])
        log.set_context(request_id=request_id)
        await cors_app(scope, receive, add_request_id(send, request_id))

    return app


async def _respond(server: McpServer, scope: "Scope", receive: "Receive", send: "Send") -> None:
    event, headers = scope["aws.event"], _collect_headers(scope)
    user_id = require_identity(event)
    set_actor(make_actor(event, "user", user_id))
    if scope["method"] != "POST":
        raise routing_error(scope["method"], scope["path"], allow="POST")
    _require_known_origin(headers.get("origin", []))
    require_body_size(event)
    message: Message | None = None
    try:
        message = parse_message((await receive())["body"])
        request = read_request(message, headers)
    except RpcError as error:
        await _send_json(send, 400, build_error(message and message.id, error))
        return
    if message.id is None:
        # None needs anything here: whoever cancels a request closes its connection.
        await send_start(send, 202, {})
        await send({"type": "http.response.body", "body": b""})
        return
    takes_events = any("text/event-stream" in value for value in headers.get("accept", []))
    answer = _Response(send, takes_events=takes_events)
    wait_seconds = load_wait_seconds() if takes_events else min(load_wait_seconds(), _JSON_WAIT_SECONDS)
    exchange = Exchange(
        request, event, scope["aws.context"], user_id, get_permissions(event), answer.emit,
        compute_deadline(scope, wait_seconds),
    )  # fmt: skip
    # A client that goes away leaves its prompt running.
    await run_until_disconnect(receive, _answer(server, exchange, answer))


async def _answer(server: McpServer, exchange: Exchange, answer: "_Response") -> None:
    request = exchange.request
    try:
        response, status = build_result(request.message.id, await server.answer(exchange)), 200
    except RpcError as error:
        response, status = _describe_error(request, error)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - the client waits for an answer with its id
        content = ERROR_FORMAT.respond(exchange.event, error).body["error"]
        response, status = _describe_error(
            request, RpcError(INTERNAL_ERROR, content["message"], {"code": content["code"]})
        )
    await answer.finish(response, status)


def _describe_error(request: Request, error: RpcError) -> tuple[JsonObject, int]:
    status = get_error_status(error, is_stateless=request.is_stateless)
    return build_error(request.message.id, error), 200 if error.code == INTERNAL_ERROR else status


def _require_known_origin(origins: list[str]) -> None:
    """Refuse pages that CORS does not allow: by a name that leads to this address they could pose as of its origin.

    Raises:
        Forbidden: the request comes from such a page.
    """
    try:
        allowed = load_cors_origins()
    except InvalidSetting:
        allowed = []  # `add_cors` has reported it.
    if "*" not in allowed and not set(origins) <= set(allowed):
        raise Forbidden("This origin may not call the MCP server; the setting API_CORS_ORIGIN names those that may")


class _Response:
    """The response to a request: JSON, unless something is emitted before it to a client that takes events."""

    def __init__(self, send: "Send", *, takes_events: bool) -> None:
        self._send = send
        self._takes_events = takes_events
        self._has_events = False
        self._patience = max(2 * StreamSettings.load().heartbeat_interval, _MIN_WRITE_SECONDS)

    async def emit(self, message: JsonObject | None) -> None:
        """Send a message before the result, or, for None, a comment. Raises OSError if the client does not read."""
        if not self._takes_events:
            return
        if not self._has_events:
            self._has_events = True
            await send_start(self._send, 200, STREAM_HEADERS)
        await self._write(b":\n\n" if message is None else _encode_event(message), last=False)

    async def finish(self, response: JsonObject, status: int) -> None:
        """Send the response."""
        if self._has_events:
            await self._write(_encode_event(response), last=True)
        else:
            await _send_json(self._send, status, response)

    async def _write(self, data: bytes, *, last: bool) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._send({"type": "http.response.body", "body": data, "more_body": not last})
        except TimeoutError:
            raise ConnectionAbortedError("the client does not read") from None


def _encode_event(message: JsonObject) -> bytes:
    return b"event: message\ndata: " + encode(message) + b"\n\n"


async def _send_json(send: "Send", status: int, message: JsonObject) -> None:
    await send_start(send, status, _JSON_HEADERS)
    await send({"type": "http.response.body", "body": encode(message)})


def _collect_headers(scope: "Scope") -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("utf-8", "replace").strip())
    return headers

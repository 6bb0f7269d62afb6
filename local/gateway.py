"""API Gateway's HTTP API on one address: routes, the authorizer, payload 2.0, the limits."""

import asyncio
import base64
import json
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientConnectionResetError, web
from aiohttp.web_protocol import RequestHandler

from local.console import Console
from local.events import HttpRequest, authorizer_event, http_event
from local.functions import LambdaService, PayloadTooLarge
from local.invocation import Result
from local.plain import items, mapping
from local.routes import Match, match
from local.template import Template

BODY_LIMIT = 10 * 1024 * 1024
SERVER = f"pointsman-local (pid {os.getpid()})"
CONTROL = "/_local/"
# Set by the gateway itself, whatever a function says.
_OWN_HEADERS = {"content-length", "connection", "transfer-encoding", "keep-alive", "date", "server"}

Control = Callable[[HttpRequest], Awaitable[web.Response]]


class _Refusal(Exception):
    """The gateway answers by itself: in the contract's shape, with AWS's status and message."""

    def __init__(self, status: int, error: str, message: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "message": message or error}


@dataclass
class _Outcome:
    response: web.Response
    function: str = "-"


class Gateway:
    """Serves a template's routes.

    Args:
        template: routes and authorizers.
        functions: invokes them.
        console: gets one line a request.
        limit: seconds that a function may take to answer.
        control: answers requests under `/_local/`.
    """

    def __init__(
        self, template: Template, functions: LambdaService, console: Console, limit: float, control: Control
    ) -> None:
        self._template = template
        self._functions = functions
        self._console = console
        self._limit = limit
        self._control = control
        self._running: set[asyncio.Task[Result]] = set()
        self._runner: web.ServerRunner | None = None
        self._port = 0

    async def start(self, listener: socket.socket) -> None:
        """Listen on a socket that is bound already.

        Raises:
            OSError: somebody else has begun to listen there.
        """
        self._port = int(listener.getsockname()[1])
        server = _JsonServer(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def stop(self) -> None:
        """Stop listening; requests under way get a second."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        began = time.monotonic()
        request_id = str(uuid.uuid4())
        target = incoming.raw_path
        path = target.split("?", 1)[0]
        try:
            outcome = await self._answer(incoming, target, request_id)
        except _Refusal as refusal:
            outcome = _Outcome(web.json_response({**refusal.body, "requestId": request_id}, status=refusal.status))
        except (ClientConnectionResetError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the client without an answer
            self._console.warn(f"the gateway failed on {incoming.method} {path}: {error!r}")
            body = {"error": "Internal Server Error", "message": "Internal Server Error", "requestId": request_id}
            outcome = _Outcome(web.json_response(body, status=500))
        response = outcome.response
        response.headers["Server"] = SERVER
        response.headers["apigw-requestid"] = request_id
        seconds = time.monotonic() - began
        self._console.request(incoming.method, path, response.status, seconds, outcome.function, request_id)
        return response

    async def _answer(self, incoming: web.BaseRequest, target: str, request_id: str) -> _Outcome:
        body = await _read(incoming)
        request = HttpRequest(
            method=incoming.method.upper(),
            target=target,
            protocol=f"HTTP/{incoming.version.major}.{incoming.version.minor}",
            headers=tuple((name.decode("latin-1"), _text(value)) for name, value in incoming.raw_headers),
            body=body,
            source_ip=incoming.remote or "",
            port=self._port,
            request_id=request_id,
        )
        if request.raw_path.startswith(CONTROL):
            return _Outcome(await self._control(request), "local")
        found = match(self._template.routes, request.method, request.raw_path)
        if found is None:
            raise _Refusal(404, "Not Found")
        name = found.route.function
        try:
            identity = await self._authorize(request, found)
            event = http_event(request, found, identity)
            result = await self._invoke(name, event, self._limit)
            return _Outcome(_response(result), name)
        except _Refusal as refusal:
            return _Outcome(web.json_response({**refusal.body, "requestId": request_id}, status=refusal.status), name)

    async def _authorize(self, request: HttpRequest, found: Match) -> dict[str, Any] | None:
        if found.route.authorizer is None:
            return None
        authorizer = self._template.authorizers[found.route.authorizer]
        if any(not request.header(name) for name in authorizer.headers):
            raise _Refusal(401, "Unauthorized")
        event = authorizer_event(request, found, authorizer.headers)
        result = await self._invoke(authorizer.function, event, self._limit)
        answer = _json_object(result)
        allowed = answer.get("isAuthorized")
        if not isinstance(allowed, bool):
            raise _Refusal(500, "Internal Server Error")
        if not allowed:
            raise _Refusal(403, "Forbidden")
        return mapping(answer.get("context"))

    async def _invoke(self, name: str, event: dict[str, Any], limit: float) -> Result:
        # In a task of its own: a function goes on when the gateway or the client no longer waits for it.
        payload = json.dumps(event, ensure_ascii=False).encode()
        task = asyncio.create_task(self._functions.invoke(name, payload))
        self._running.add(task)
        task.add_done_callback(self._done)
        await asyncio.wait([task], timeout=limit)
        if not task.done():
            raise _Refusal(503, "Service Unavailable")
        try:
            result = task.result()
        except PayloadTooLarge:
            raise _Refusal(413, "The request is over the limit of 6 MB that a function can take") from None
        if result.error is not None:
            self._console.warn(f"{name} failed: {result.error_type}: {result.error_message}"[:400])
        return result

    def _done(self, task: "asyncio.Task[Result]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()


async def _read(incoming: web.BaseRequest) -> bytes:
    """The body, of which no more than the limit is ever held."""
    refusal = _Refusal(413, "The request body is over the limit of 10 MB", "Request Entity Too Large")
    if (incoming.content_length or 0) > BODY_LIMIT:
        raise refusal
    chunks: list[bytes] = []
    size = 0
    async for chunk in incoming.content.iter_any():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise refusal
        chunks.append(chunk)
    return b"".join(chunks)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _json_object(result: Result) -> dict[str, Any]:
    if result.error is not None:
        return {}
    try:
        return mapping(json.loads(result.payload))
    except ValueError:
        return {}


def _response(result: Result) -> web.Response:
    """What the client gets for a function's answer, by the rules of payload format 2.0."""
    failure = _Refusal(500, "Internal Server Error")
    if result.error is not None:
        raise failure
    try:
        answer = json.loads(result.payload)
    except ValueError:
        raise failure from None
    fields = mapping(answer)
    if "statusCode" not in fields:
        text = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
        return web.Response(body=text.encode(), content_type="application/json")
    try:
        return _explicit(fields)
    except (TypeError, ValueError, AttributeError):
        raise failure from None


def _explicit(fields: dict[str, Any]) -> web.Response:
    status = int(fields["statusCode"])
    if not 200 <= status <= 599:
        raise ValueError("status out of range")
    body = fields.get("body")
    data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if fields.get("isBase64Encoded"):
        data = base64.b64decode(data, validate=True)
    response = web.Response(status=status, body=None if status in (204, 304) else data)
    headers = {str(name).lower(): value for name, value in mapping(fields.get("headers")).items()}
    headers.setdefault("content-type", "text/plain;charset=UTF-8")
    for name, value in headers.items():
        if name not in _OWN_HEADERS:
            response.headers[name] = str(value).lower() if isinstance(value, bool) else str(value)
    for cookie in items(fields.get("cookies")):
        response.headers.add("Set-Cookie", str(cookie))
    return response


class _JsonProtocol(RequestHandler):
    """Answers what is not HTTP in JSON as well."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's signature
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has already begun")
        text = "Bad Request" if status == 400 else "Internal Server Error"
        response = web.json_response({"error": text, "message": text}, status=status, headers={"Server": SERVER})
        response.force_close()
        return response


class _JsonServer(web.Server):
    def __call__(self) -> RequestHandler:
        return _JsonProtocol(self, loop=self._loop, **self._kwargs)

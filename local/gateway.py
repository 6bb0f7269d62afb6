"""API Gateway on one address, as CloudFront makes it: the HTTP API and REST APIs, authorizers, payloads, the limits."""

import asyncio
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

from local.answers import Refusal, http_answer, rest_answer, streamed_answer
from local.apis import RestApi
from local.console import Console
from local.events import HttpRequest, authorizer_event, http_event
from local.functions import LambdaService, PayloadTooLarge
from local.invocation import Invocation, Result
from local.plain import mapping
from local.rest_events import identity_of, method_arn, rest_authorizer_event, rest_event
from local.routes import Match, match
from local.streams import NoPrelude, read_prelude
from local.template import Authorizer, Template

BODY_LIMIT = 10 * 1024 * 1024
SERVER = f"pointsman-local (pid {os.getpid()})"
CONTROL = "/_local/"
# A stream that is silent for so many seconds is cut.
IDLE_LIMIT = 300.0

Control = Callable[[HttpRequest], Awaitable[web.Response]]


@dataclass
class _Outcome:
    response: web.StreamResponse
    function: str = "-"
    stream: Invocation | None = None
    first: bytes = b""
    deadline: float = 0.0


class Gateway:
    """Serves a template's routes.

    Args:
        template: routes and authorizers.
        functions: invokes them.
        console: gets one line a request.
        limit: seconds that a function may take to answer.
        control: answers requests under `/_local/`.
        idle_limit: seconds that a function may be silent on a route that streams.
    """

    def __init__(
        self,
        template: Template,
        functions: LambdaService,
        console: Console,
        limit: float,
        control: Control,
        idle_limit: float = IDLE_LIMIT,
    ) -> None:
        self._template = template
        self._functions = functions
        self._console = console
        self._limit = limit
        self._control = control
        self._idle_limit = idle_limit
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
        await web.SockSite(self._runner, listener, backlog=1024).start()

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
        except Refusal as refusal:
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
        if outcome.stream is not None:
            await self._pass_on(incoming, outcome, outcome.stream)
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
            raise Refusal(404, "Not Found")
        name = found.route.function
        try:
            if found.route.rest is not None:
                return await self._answer_rest(request, found, found.route.rest)
            identity = await self._authorize(request, found)
            result = await self._invoke(name, http_event(request, found, identity), self._limit)
            return _Outcome(http_answer(result), name)
        except Refusal as refusal:
            return _Outcome(web.json_response({**refusal.body, "requestId": request_id}, status=refusal.status), name)

    async def _authorize(self, request: HttpRequest, found: Match) -> dict[str, Any] | None:
        if found.route.authorizer is None:
            return None
        authorizer = self._template.authorizers[found.route.authorizer]
        answer = await self._ask(authorizer, request, authorizer_event(request, found, authorizer.headers))
        allowed = answer.get("isAuthorized")
        if not isinstance(allowed, bool):
            raise Refusal(500, "Internal Server Error")
        if not allowed:
            raise Refusal(403, "Forbidden")
        return mapping(answer.get("context"))

    async def _ask(self, authorizer: Authorizer, request: HttpRequest, event: dict[str, Any]) -> dict[str, Any]:
        if any(not request.header(name) for name in authorizer.headers):
            raise Refusal(401, "Unauthorized")
        return _json_object(await self._invoke(authorizer.function, event, self._limit))

    async def _answer_rest(self, request: HttpRequest, found: Match, api: RestApi) -> _Outcome:
        name, identity = found.route.function, None
        if found.route.authorizer is not None:
            authorizer = self._template.authorizers[found.route.authorizer]
            answer = await self._ask(authorizer, request, rest_authorizer_event(request, found, api))
            try:
                identity = identity_of(answer, method_arn(request, api))
            except ValueError:
                raise Refusal(500, "Internal Server Error") from None
            if identity is None:
                raise Refusal(403, "Forbidden", "User is not authorized to access this resource")
        event = rest_event(request, found, api, identity)
        if found.route.streaming:
            return await self._open_stream(name, event, found.route.limit)
        result = await self._invoke(name, event, found.route.limit, 504, "Endpoint request timed out")
        return _Outcome(rest_answer(result, request, api), name)

    async def _open_stream(self, name: str, event: dict[str, Any], limit: float) -> _Outcome:
        """Wait for the head of a streamed answer."""
        deadline = asyncio.get_running_loop().time() + limit
        try:
            invocation = self._functions.stream(name, _payload(event))
        except PayloadTooLarge:
            raise _too_large() from None
        assert invocation.stream is not None
        try:
            async with asyncio.timeout(min(limit, self._idle_limit)):
                prelude = await read_prelude(invocation.stream)
        except TimeoutError:
            invocation.stream.drop()
            raise Refusal(504, "Endpoint request timed out") from None
        except NoPrelude:
            invocation.stream.drop()
            self._warn_of(name, invocation, "its answer does not begin with a prelude")
            raise Refusal(502, "Internal server error") from None
        return _Outcome(streamed_answer(prelude), name, invocation, prelude.rest, deadline)

    async def _pass_on(self, incoming: web.BaseRequest, outcome: _Outcome, invocation: Invocation) -> None:
        """Give the client each part as it comes. Whatever ends this, the function runs on."""
        response, chunks = outcome.response, invocation.stream
        assert chunks is not None
        empty = incoming.method == "HEAD" or response.status in (204, 304)
        try:
            await response.prepare(incoming)
            async with asyncio.timeout_at(outcome.deadline):
                data: bytes | None = outcome.first
                while data is not None:
                    if data and not empty:
                        await response.write(data)
                    async with asyncio.timeout(self._idle_limit):
                        data = await chunks.get()
            if chunks.failed:
                self._warn_of(outcome.function, invocation, "its stream broke off")
                _cut(incoming)
        except TimeoutError:
            self._console.warn(f"{outcome.function}: its stream was silent or took too long, and was cut")
            _cut(incoming)
        except ConnectionResetError:
            pass  # The client has gone.
        finally:
            chunks.drop()

    def _warn_of(self, name: str, invocation: Invocation, otherwise: str) -> None:
        result = invocation.result.result() if invocation.result.done() else None
        if result is not None and result.error is not None:
            otherwise = f"{result.error_type}: {result.error_message}"
        self._console.warn(f"{name} failed: {otherwise}"[:400])

    async def _invoke(
        self, name: str, event: dict[str, Any], limit: float, late: int = 503, too_late: str = "Service Unavailable"
    ) -> Result:
        # In a task of its own: a function goes on when the gateway or the client no longer waits for it.
        task = asyncio.create_task(self._functions.invoke(name, _payload(event)))
        self._running.add(task)
        task.add_done_callback(self._done)
        await asyncio.wait([task], timeout=limit)
        if not task.done():
            raise Refusal(late, too_late)
        try:
            result = task.result()
        except PayloadTooLarge:
            raise _too_large() from None
        if result.error is not None:
            self._console.warn(f"{name} failed: {result.error_type}: {result.error_message}"[:400])
        return result

    def _done(self, task: "asyncio.Task[Result]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()


def _payload(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def _too_large() -> Refusal:
    return Refusal(413, "The request is over the limit of 6 MB that a function can take")


def _cut(incoming: web.BaseRequest) -> None:
    """End the connection without the last chunk, so that the client sees that something is missing."""
    if incoming.transport is not None:
        incoming.transport.close()


async def _read(incoming: web.BaseRequest) -> bytes:
    """The body, of which no more than the limit is ever held."""
    refusal = Refusal(413, "The request body is over the limit of 10 MB", "Request Entity Too Large")
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

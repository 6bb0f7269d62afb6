"""Lambda's Runtime API on loopback: each worker process has a port of its own, so the port says who is asking."""

import asyncio
import base64
import binascii
import re
import socket
from contextlib import suppress
from typing import Protocol

from local.invocation import Invocation
from local.runtime_http import Request, Response, converse

_VERSION = "/2018-06-01/runtime"
_POST = re.compile(rf"^{_VERSION}/invocation/([^/]+)/(response|error)$")
_ACCEPTED = Response(202, b'{"status": "OK"}')
_UNKNOWN = Response(400, b'{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}')


class Sandbox(Protocol):
    """What the Runtime API needs to know of a worker."""

    async def next_invocation(self) -> Invocation | None:
        """Wait for an event; the worker is idle meanwhile. None: it is being ended."""
        ...

    def current(self, request_id: str) -> Invocation | None:
        """The invocation that this worker is busy with, if it has that id."""
        ...

    def init_failed(self, payload: bytes) -> None:
        """The handler could not be imported; the payload says why."""
        ...


class RuntimeApi:
    """One HTTP server per worker."""

    def __init__(self) -> None:
        self._doors: dict[int, _Door] = {}

    async def stop(self) -> None:
        """Close every socket."""
        for port in list(self._doors):
            await self.close(port)

    async def open(self, sandbox: Sandbox) -> int:
        """Give a worker its port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
        self._doors[port] = _Door(sandbox)
        await self._doors[port].start(listener)
        return port

    async def close(self, port: int) -> None:
        """Take the port of a worker that is gone."""
        door = self._doors.pop(port, None)
        if door is not None:
            await door.stop()


class _Door:
    """What one worker speaks to."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._accept, sock=listener)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for conversation in self._conversations:
            conversation.cancel()
        if self._conversations:
            await asyncio.wait(self._conversations)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.create_task(converse(reader, writer, self._answer))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)

    async def _answer(self, request: Request) -> Response:
        if (request.method, request.path) == ("GET", _VERSION + "/invocation/next"):
            return _event(await self._sandbox.next_invocation())
        if (request.method, request.path) == ("POST", _VERSION + "/init/error"):
            self._sandbox.init_failed(await request.body())
            return _ACCEPTED
        found = _POST.match(request.path) if request.method == "POST" else None
        if found is None:
            return Response(404, b"{}")
        invocation = self._sandbox.current(found.group(1))
        if invocation is None:
            return _UNKNOWN
        if found.group(2) == "error":
            invocation.fail(await request.body())
        elif request.headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming":
            await _pass_on(request, invocation)
        else:
            invocation.succeed(await request.body())
        return _ACCEPTED


async def _pass_on(request: Request, invocation: Invocation) -> None:
    """A streamed response, to whoever asked for a stream; a caller who did not gets it whole."""
    parts: list[bytes] = []
    async for piece in request.pieces():
        if invocation.stream is not None:
            await invocation.stream.put(piece)
        else:
            parts.append(piece)
    if "lambda-runtime-function-error-type" not in request.trailers:
        invocation.succeed(b"".join(parts))
        return
    error = b"{}"
    with suppress(binascii.Error):
        error = base64.b64decode(request.trailers.get("lambda-runtime-function-error-body", ""))
    invocation.fail(error)


def _event(invocation: Invocation | None) -> Response:
    if invocation is None:
        return Response(410, b'{"errorType":"Retired","errorMessage":"this worker has been retired"}')
    headers = {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
    }
    return Response(200, invocation.payload, headers)

"""Lambda's Runtime API on loopback; each worker has a port of its own, which identifies it.

The protocol is the one of "Using the Lambda runtime API for custom runtimes" in Lambda's guide, with the streaming mode
that awslambdaric and `pointsman.streaming` use.
"""

import asyncio
import base64
import binascii
import re
import socket
from contextlib import suppress
from typing import Protocol

from local.lambda_service.invocation import Invocation
from local.lambda_service.runtime_http import RuntimeRequest, RuntimeResponse, serve_connection

_VERSION = "/2018-06-01/runtime"
_INVOCATION_PATH = re.compile(rf"^{_VERSION}/invocation/([^/]+)/(response|error)$")
_ACCEPTED_RESPONSE = RuntimeResponse(202, b'{"status": "OK"}')
_UNKNOWN_ID_RESPONSE = RuntimeResponse(400, b'{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}')


class Sandbox(Protocol):
    """A worker, as the Runtime API sees it."""

    async def next_invocation(self) -> Invocation | None:
        """Wait for the next event; the worker is idle meanwhile. None if the worker is ended."""
        ...

    def find_invocation(self, request_id: str) -> Invocation | None:
        """Return the invocation in progress if it has that request id."""
        ...

    def record_init_error(self, payload: bytes) -> None:
        """Keep the error object of a handler that could not be imported."""
        ...


class RuntimeApi:
    """The HTTP servers of all workers, one for each."""

    def __init__(self) -> None:
        self._endpoints: dict[int, _WorkerEndpoint] = {}

    async def stop(self) -> None:
        """Close all servers and their connections."""
        for port in list(self._endpoints):
            await self.close_endpoint(port)

    async def open_endpoint(self, sandbox: Sandbox) -> int:
        """Start the server of a worker and return its port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
        self._endpoints[port] = _WorkerEndpoint(sandbox)
        await self._endpoints[port].start(listener)
        return port

    async def close_endpoint(self, port: int) -> None:
        """Stop the server of a worker that has ended."""
        endpoint = self._endpoints.pop(port, None)
        if endpoint is not None:
            await endpoint.stop()


class _WorkerEndpoint:
    """The HTTP server of one worker."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._server: asyncio.Server | None = None
        self._connection_tasks: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._accept, sock=listener)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection_task in self._connection_tasks:
            connection_task.cancel()
        if self._connection_tasks:
            await asyncio.wait(self._connection_tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection_task = asyncio.create_task(serve_connection(reader, writer, self._handle_request))
        self._connection_tasks.add(connection_task)
        connection_task.add_done_callback(self._connection_tasks.discard)

    async def _handle_request(self, request: RuntimeRequest) -> RuntimeResponse:
        if (request.method, request.path) == ("GET", _VERSION + "/invocation/next"):
            return _build_next_response(await self._sandbox.next_invocation())
        if (request.method, request.path) == ("POST", _VERSION + "/init/error"):
            self._sandbox.record_init_error(await request.read_body())
            return _ACCEPTED_RESPONSE
        path_match = _INVOCATION_PATH.match(request.path) if request.method == "POST" else None
        if path_match is None:
            return RuntimeResponse(404, b"{}")
        invocation = self._sandbox.find_invocation(path_match.group(1))
        if invocation is None:
            return _UNKNOWN_ID_RESPONSE
        if path_match.group(2) == "error":
            invocation.fail(await request.read_body())
        elif request.headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming":
            await _relay_response(request, invocation)
        else:
            invocation.succeed(await request.read_body())
        return _ACCEPTED_RESPONSE


async def _relay_response(request: RuntimeRequest, invocation: Invocation) -> None:
    """Relay a streamed response to the caller, or collect it for a caller who wants it whole.

    An error in the middle of the stream comes in trailers, its error object in base64. A caller who has gone breaks the
    function's connection: that is how the function learns of it.
    """
    chunks: list[bytes] = []
    if invocation.response_stream is not None:
        invocation.response_stream.call_on_discard(request.break_connection)
    async for chunk in request.iter_body():
        if invocation.response_stream is not None:
            await invocation.response_stream.put(chunk)
        else:
            chunks.append(chunk)
    if "lambda-runtime-function-error-type" not in request.trailers:
        invocation.succeed(b"".join(chunks))
        return
    error = b"{}"
    with suppress(binascii.Error):
        error = base64.b64decode(request.trailers.get("lambda-runtime-function-error-body", ""))
    invocation.fail(error)


def _build_next_response(invocation: Invocation | None) -> RuntimeResponse:
    if invocation is None:
        return RuntimeResponse(410, b'{"errorType":"Retired","errorMessage":"this worker has been retired"}')
    headers = {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
    }
    return RuntimeResponse(200, invocation.payload, headers)

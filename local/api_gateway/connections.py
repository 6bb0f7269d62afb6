"""The gateway's connections: how many there may be, and how long each may wait for its client.

A client holds a connection by sending a request, or reading a response, slowly or never. Such connections end at a
deadline, and before it when others need their place: the one that has waited longest is closed for a new one.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.http_writer import HttpVersion10, HttpVersion11
from aiohttp.web_protocol import RequestHandler

from local.api_gateway.edge import MAX_HEAD_BYTES
from local.api_gateway.responses import build_edge_error

_FULL_RESPONSE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 33\r\n"
    b'Connection: close\r\n\r\n{"message":"Service Unavailable"}'
)


@dataclass(frozen=True)
class ConnectionLimits:
    """The limits on connections. AWS documents none of them for CloudFront's side of the client.

    Args:
        head_seconds: From the start of a connection, or the end of its last response, to the end of a request's head.
        body_seconds: From the end of the head to the end of the body.
        response_seconds: For a client to read a response, other than a stream, which has limits of its own.
        max_waiting: Connections that wait for their client; for a further one the oldest is closed.
        max_connections: Connections in all, with those whose request is handled; a further one is 503.
        max_headers: Headers of a request; more are 400.
    """

    head_seconds: float = 30.0
    body_seconds: float = 30.0
    response_seconds: float = 60.0
    max_waiting: int = 1000
    max_connections: int = 4000
    max_headers: int = 100


class ConnectionServer(web.Server):
    """Accepts connections within the limits; its handler calls `GatewayConnection.begin_handling`.

    Args:
        handler: Handles a request, of which only the head has been read.
        limits: The limits.
        server_header: The header `Server` of responses to what is not HTTP.
    """

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        limits: ConnectionLimits,
        server_header: str,
    ) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,  # as soon as the client has closed the connection
            access_log=None,
            # AWS's gateways pass the bytes of an HTTP API on, and a small body can be any size when it is inflated.
            auto_decompress=False,
            # aiohttp closes a connection that has no whole head after so long, whether anything has arrived or not.
            keepalive_timeout=limits.head_seconds,
            max_line_size=MAX_HEAD_BYTES * 2,
            max_field_size=MAX_HEAD_BYTES * 2,
            max_headers=limits.max_headers,
        )
        self.limits = limits
        self.server_header = server_header
        self._open: set[GatewayConnection] = set()
        self._waiting: dict[GatewayConnection, None] = {}

    def __call__(self) -> RequestHandler:
        """Build the protocol of a new connection."""
        return GatewayConnection(self, loop=self._loop, **self._kwargs)

    def admit(self, connection: "GatewayConnection") -> bool:
        """Take a new connection, if need be in the place of the one that has waited longest; False if there is none."""
        is_full = len(self._open) >= self.limits.max_connections
        if is_full or len(self._waiting) >= self.limits.max_waiting:
            oldest = next(iter(self._waiting), None)
            if oldest is not None:
                self.forget(oldest)
                oldest.abort()
            elif is_full:
                return False
        self._open.add(connection)
        self._waiting[connection] = None
        return True

    def mark_handled(self, connection: "GatewayConnection") -> None:
        """Record that a connection no longer waits for its client, whose request is complete."""
        self._waiting.pop(connection, None)

    def mark_waiting(self, connection: "GatewayConnection") -> None:
        """Record that a connection waits for its client from now on."""
        self._waiting.pop(connection, None)
        if connection in self._open:
            self._waiting[connection] = None

    def forget(self, connection: "GatewayConnection") -> None:
        """Count a connection no more, which has ended."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)


class GatewayConnection(RequestHandler):
    """One connection. What is not HTTP is answered in JSON, where CloudFront has a page in HTML.

    Args:
        server: The server that accepts it.
        **options: Those of aiohttp's class.
    """

    def __init__(self, server: ConnectionServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to read requests, unless there are too many connections."""
        writable = cast(asyncio.Transport, transport)
        if self._server.admit(self):
            super().connection_made(transport)
        else:
            writable.write(_FULL_RESPONSE)
            writable.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the connection's place up."""
        self._server.forget(self)
        super().connection_lost(exc)

    def begin_handling(self) -> None:
        """Count the connection as one that waits for the gateway; called once the whole request has been read."""
        self._server.mark_handled(self)

    def abort(self) -> None:
        """Close the connection with all that is not sent yet."""
        if self.transport is not None:
            self.transport.abort()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the response, or its rest, and wait until the client has taken it; aiohttp alone would not wait.

        Returns:
            The response, and whether the connection is lost.
        """
        self._server.mark_waiting(self)
        try:
            async with asyncio.timeout(self._server.limits.response_seconds):
                finished = await super().finish_response(request, resp, start_time)
                await self._flush()
        except TimeoutError:
            self.abort()
            return resp, True
        except ConnectionError:
            return resp, True
        self._server.mark_waiting(self)
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's signature
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Build the response to what is not HTTP, or to a failure of the gateway; the connection ends with it."""
        if request.writer.output_size > 0:
            raise ConnectionError("the response has already started")
        response = build_http_error(status)
        response.headers["Server"] = self._server.server_header
        return response

    async def _flush(self) -> None:
        transport = self.transport
        if transport is None:
            return
        # With a high-water mark of 0, draining waits until the operating system has all.
        transport.set_write_buffer_limits(high=0)
        await self._drain_helper()
        transport.set_write_buffer_limits()


def build_http_error(status: int) -> web.StreamResponse:
    """Build the response to what is not HTTP (400), or to a failure of the gateway (500); it ends the connection."""
    text, code = ("Bad Request", "BAD_REQUEST") if status == 400 else ("Internal Server Error", "INTERNAL_ERROR")
    response = build_edge_error(status, code, text, is_agent_api=False, request_id=str(uuid.uuid4()))
    response.force_close()
    return response


def is_supported_http(incoming: web.BaseRequest) -> bool:
    """Return whether a request is one of HTTP/1.0 or HTTP/1.1 to a server, not to a proxy."""
    return incoming.version in (HttpVersion10, HttpVersion11) and incoming.method != "CONNECT"

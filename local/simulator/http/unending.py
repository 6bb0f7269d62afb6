"""Responses that do not end: a head or a body a byte at a time, or a body as fast as its client reads."""

import asyncio
from typing import Literal

from starlette.types import Receive, Scope, Send

from local.simulator.http.connection_drop import ConnectionDrop, find_transport

UnendingKind = Literal["drip_head", "drip_body", "endless"]

_STATUS_LINE = b"HTTP/1.1 200 OK\r\n"
_JSON_HEAD = _STATUS_LINE + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
_BLANKS = 64 * 1024
_MAX_BUFFERED_BYTES = 1024 * 1024

_BEGIN_AND_PIECE: dict[UnendingKind, tuple[bytes, bytes]] = {
    "drip_head": (_STATUS_LINE + b"X-Drip: ", b"x"),
    # Blanks before JSON: only their number says that something is wrong.
    "drip_body": (_JSON_HEAD, b"1\r\n \r\n"),
    "endless": (_JSON_HEAD, b"%x\r\n" % _BLANKS + b" " * _BLANKS + b"\r\n"),
}


class UnendingResponse(ConnectionDrop):
    """A response that goes on until the client leaves or the simulator lets go; then the connection is dropped.

    Args:
        kind: What does not end.
        seconds: The pause between two bytes of a drip.
        released: Set when the simulator lets go.
    """

    def __init__(self, kind: UnendingKind, seconds: float, released: asyncio.Event) -> None:
        super().__init__()
        self._begin, self._piece = _BEGIN_AND_PIECE[kind]
        self._pause = 0.0 if kind == "endless" else seconds
        self._released = released

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write to the connection itself: ASGI sends a head at once, or not at all."""
        transport = find_transport(scope)
        if transport is not None:
            transport.write(self._begin)
            while not transport.is_closing() and not self._released.is_set():
                if transport.get_write_buffer_size() < _MAX_BUFFERED_BYTES:
                    transport.write(self._piece)
                    await asyncio.sleep(self._pause)
                else:
                    await asyncio.sleep(0.01)
        await super().__call__(scope, receive, send)

"""HTTP/1.1 for the Runtime API: bodies as they come, and the trailers that no server library of ours passes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

_CHUNK_SIZE = 64 * 1024
_REASON_PHRASES = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 410: "Gone"}


@dataclass
class RuntimeRequest:
    """One request; names of headers and trailers in lower case, the trailers there once the body has been read."""

    method: str
    path: str
    headers: Mapping[str, str]
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    trailers: dict[str, str] = field(default_factory=dict[str, str])
    _is_body_read: bool = False

    async def iter_body(self) -> AsyncIterator[bytes]:
        """The body in pieces, each as soon as it is there.

        Raises:
            asyncio.IncompleteReadError, ConnectionError, ValueError: it is cut off.
        """
        if self._is_body_read:
            return
        self._is_body_read = True
        if self.headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            async for chunk in self._iter_bytes(int(self.headers.get("content-length", "0"))):
                yield chunk
            return
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            async for chunk in self._iter_bytes(size):
                yield chunk
            await self._reader.readexactly(2)
        self.trailers = await read_headers(self._reader)

    async def read_body(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.iter_body()])

    async def _iter_bytes(self, size: int) -> AsyncIterator[bytes]:
        while size:
            chunk = await self._reader.read(min(size, _CHUNK_SIZE))
            if not chunk:
                raise asyncio.IncompleteReadError(b"", size)
            size -= len(chunk)
            yield chunk


@dataclass(frozen=True)
class RuntimeResponse:
    """One response, in JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Handler = Callable[[RuntimeRequest], Awaitable[RuntimeResponse]]


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    """Answer the requests of one connection, until it ends."""
    try:
        while True:
            line = (await reader.readuntil(b"\r\n")).decode("latin-1").split()
            request = RuntimeRequest(line[0], line[1].partition("?")[0], await read_headers(reader), reader, writer)
            response = await handler(request)
            await request.read_body()
            # Without a content type, the runtime client's C++ part crashes the process.
            headers = {"Content-Type": "application/json", **response.headers}
            lines = [f"HTTP/1.1 {response.status} {_REASON_PHRASES[response.status]}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            lines += [f"Content-Length: {len(response.body)}", "", ""]
            writer.write("\r\n".join(lines).encode("latin-1") + response.body)
            await writer.drain()
            if request.headers.get("connection", "").lower() == "close":
                return
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError, IndexError):
        return  # Gone, or not HTTP: the worker's own end tells the rest.
    finally:
        with suppress(ConnectionError):
            writer.close()


async def read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    """Headers or trailers, up to the empty line."""
    headers: dict[str, str] = {}
    while line := (await reader.readuntil(b"\r\n")).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers

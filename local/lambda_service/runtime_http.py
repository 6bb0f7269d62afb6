"""A minimal HTTP/1.1 server for the Runtime API: streamed bodies, and trailers, which aiohttp does not expose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

_CHUNK_SIZE = 64 * 1024
_REASON_PHRASES = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 410: "Gone"}


@dataclass
class RuntimeRequest:
    """One request; names of headers and trailers are in lower case, `trailers` is filled once the body is read."""

    method: str
    path: str
    headers: Mapping[str, str]
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    trailers: dict[str, str] = field(default_factory=dict[str, str])
    _is_body_read: bool = False

    async def iter_body(self) -> AsyncIterator[bytes]:
        """Yield the body in chunks, each as soon as it arrives.

        Raises:
            asyncio.IncompleteReadError: The connection ended within the body.
            ConnectionError: The connection broke.
            ValueError: The chunked encoding is malformed.
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
        """Read the whole body; empty if it has been read already."""
        return b"".join([chunk async for chunk in self.iter_body()])

    def break_connection(self) -> None:
        """Reset the connection; reading the body fails then."""
        self._writer.transport.abort()

    async def _iter_bytes(self, size: int) -> AsyncIterator[bytes]:
        while size:
            chunk = await self._reader.read(min(size, _CHUNK_SIZE))
            if not chunk:
                raise asyncio.IncompleteReadError(b"", size)
            size -= len(chunk)
            yield chunk


@dataclass(frozen=True)
class RuntimeResponse:
    """One response with a JSON body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Handler = Callable[[RuntimeRequest], Awaitable[RuntimeResponse]]


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    """Handle the requests of one connection until it ends or is not HTTP."""
    try:
        while True:
            line = (await reader.readuntil(b"\r\n")).decode("latin-1").split()
            request = RuntimeRequest(line[0], line[1].partition("?")[0], await read_headers(reader), reader, writer)
            response = await handler(request)
            await request.read_body()
            # awslambdaric's C++ client crashes the process on a response without a content type.
            headers = {"Content-Type": "application/json", **response.headers}
            lines = [f"HTTP/1.1 {response.status} {_REASON_PHRASES[response.status]}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            lines += [f"Content-Length: {len(response.body)}", "", ""]
            writer.write("\r\n".join(lines).encode("latin-1") + response.body)
            await writer.drain()
            if request.headers.get("connection", "").lower() == "close":
                return
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError, IndexError):
        return  # The worker's exit is noticed by its process; a broken connection needs no handling here.
    finally:
        with suppress(ConnectionError):
            writer.close()


async def read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    """Read headers or trailers up to the empty line; names in lower case."""
    headers: dict[str, str] = {}
    while line := (await reader.readuntil(b"\r\n")).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers

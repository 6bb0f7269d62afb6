"""The HTTP/1.1 of the Runtime API: one request per connection, chunked bodies with trailers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "LAST_CHUNK",
    "HttpResponse",
    "encode_chunk",
    "encode_request_head",
    "open_connection",
    "read_response",
    "send_request",
]

LAST_CHUNK = b"0\r\n"
"""It is followed by the trailers, if any, and an empty line."""


@dataclass(frozen=True)
class HttpResponse:
    """A response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def open_connection(address: str) -> "tuple[asyncio.StreamReader, asyncio.StreamWriter]":
    """Open a connection to `host:port`."""
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def send_request(
    address: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> HttpResponse:
    """Send a request and wait for its response, without a timeout: the next invocation may be days away.

    Raises:
        OSError: no connection, or it is closed before the response is complete.
    """
    reader, writer = await open_connection(address)
    try:
        length = {"Content-Length": str(len(body))} if method == "POST" else {}
        writer.write(encode_request_head(method, path, address, {**(headers or {}), **length}) + body)
        await writer.drain()
        return await read_response(reader)
    finally:
        writer.close()


def encode_request_head(method: str, path: str, address: str, headers: Mapping[str, str]) -> bytes:
    """Encode the request line, the headers and the empty line."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def encode_chunk(data: bytes) -> bytes:
    """Encode one chunk. `data` must not be empty, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def read_response(reader: asyncio.StreamReader) -> HttpResponse:
    """Read a complete response; interim responses (1xx) are skipped.

    Raises:
        OSError: the connection is closed before its end, or it is not HTTP.
    """
    try:
        status, headers = 100, dict[str, str]()
        while 100 <= status < 200:
            status = int((await reader.readuntil(b"\r\n")).split(b" ", 2)[1])
            headers = await _read_headers(reader)
        return HttpResponse(status, headers, await _read_body(reader, status, headers))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
        raise ConnectionResetError(f"no complete response: {type(error).__name__}") from None


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := (await reader.readuntil(b"\r\n")).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers


async def _read_body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> bytes:
    if status in (204, 304):
        return b""
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await reader.read()
    parts: list[bytes] = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await _read_headers(reader)
    return b"".join(parts)

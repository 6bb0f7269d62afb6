"""The request that the gateway received, before an event is built from it."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

MAX_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's limit on a request body, the same for both kinds of API (API Gateway quotas)."""


class BodyTooLarge(Exception):
    """The request body is over `MAX_BODY_BYTES`."""


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request.

    Args:
        method: In upper case.
        target: Path and query of the request line, percent-encoded as the client sent them.
        protocol: Such as `HTTP/1.1`.
        headers: In the client's order and case; a repeated header has several entries.
        body: The whole body, decoded from chunks.
        source_ip: Address of the client.
        port: Port of the gateway.
        request_id: UUID that the gateway gave the request.
        received_at: Epoch seconds.
    """

    method: str
    target: str
    protocol: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    port: int
    request_id: str
    received_at: float = field(default_factory=time.time)

    @property
    def raw_path(self) -> str:
        """The path, percent-encoded, without the query; a target in absolute form loses its origin."""
        path = self.target.split("?", 1)[0].split("#", 1)[0]
        if not path.startswith("/") and "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        return path

    @property
    def raw_query(self) -> str:
        """The query, percent-encoded, without its question mark."""
        return self.target.partition("?")[2].split("#", 1)[0]

    @property
    def domain_name(self) -> str:
        """The Host header without the port; an IPv6 address keeps its brackets."""
        host = self.header("host")
        return host if host.endswith("]") else host.rsplit(":", 1)[0]

    @property
    def time_text(self) -> str:
        """The time of the request in the Common Log Format, in UTC."""
        return f"{datetime.fromtimestamp(self.received_at, UTC):%d/%b/%Y:%H:%M:%S +0000}"

    @property
    def time_epoch_ms(self) -> int:
        """The time of the request in epoch milliseconds."""
        return int(self.received_at * 1000)

    @property
    def trace_id(self) -> str:
        """The X-Ray trace header that the gateway adds when the client sent none."""
        return f"Root=1-{int(self.received_at):08x}-{self.request_id.replace('-', '')[:24]}"

    def header(self, name: str) -> str:
        """Return a header's values, joined by commas; an empty string if it is missing.

        Args:
            name: In lower case.
        """
        return ",".join(value for key, value in self.headers if key.lower() == name)


async def read_request(incoming: web.BaseRequest, port: int, request_id: str) -> HttpRequest:
    """Read a request with its body from aiohttp.

    Args:
        incoming: The request, of which only the head has been read.
        port: Port of the gateway.
        request_id: UUID of the request.

    Raises:
        BodyTooLarge: As soon as more than the limit has arrived, or a longer Content-Length is announced.
    """
    return HttpRequest(
        method=incoming.method.upper(),
        target=incoming.raw_path,
        protocol=f"HTTP/{incoming.version.major}.{incoming.version.minor}",
        headers=tuple((name.decode("latin-1"), _decode_header(value)) for name, value in incoming.raw_headers),
        body=await _read_body(incoming),
        source_ip=incoming.remote or "",
        port=port,
        request_id=request_id,
    )


async def _read_body(incoming: web.BaseRequest) -> bytes:
    if (incoming.content_length or 0) > MAX_BODY_BYTES:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    async for chunk in incoming.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _decode_header(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")

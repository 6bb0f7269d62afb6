"""A streamed response: the prelude with status and headers, then the body in chunks."""

import asyncio
import base64
import json
from collections.abc import Iterable

from .errors import ErrorReport
from .http1 import LAST_CHUNK, HttpResponse, encode_chunk, encode_request_head, open_connection, read_response
from .runtime_api import INVOCATION_PATH

__all__ = ["StreamedResponse", "encode_prelude"]

_RESPONSE_HEADERS = {
    "Content-Type": "application/vnd.awslambda.http-integration-response",
    "Lambda-Runtime-Function-Response-Mode": "streaming",
    "Transfer-Encoding": "chunked",
    "Trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
}
_MAX_PRELUDE_BYTES = 16 * 1024
_REPORT_SECONDS = 1.0
"""How long the report of a failure may wait for a client that does not read."""
_PRELUDE_END = b"\0" * 8
# Hop-by-hop; API Gateway sets its own.
_DROPPED_HEADERS = {"connection", "content-length", "keep-alive", "transfer-encoding"}


def encode_prelude(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Encode status and headers of an ASGI response as JSON followed by eight NULs.

    Values of a repeated header are joined by commas; cookies are a list of their own.

    Raises:
        ValueError: the prelude is longer than 16 KB, within which API Gateway expects its end.
    """
    joined_headers: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "set-cookie":
            cookies.append(value)
        elif name not in _DROPPED_HEADERS:
            joined_headers[name] = f"{joined_headers[name]}, {value}" if name in joined_headers else value
    encoded = json.dumps({"statusCode": status, "headers": joined_headers, "cookies": cookies}).encode() + _PRELUDE_END
    if len(encoded) > _MAX_PRELUDE_BYTES:
        raise ValueError(f"the response's headers are longer than {_MAX_PRELUDE_BYTES} bytes")
    return encoded


class StreamedResponse:
    """An open response to the Runtime API, created by `open`.

    `acknowledgement` is the Runtime API's own response, which comes after the last byte. If it, or the end of the
    connection, comes earlier, the client has disconnected.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._is_closed = self._is_lost = False
        self.acknowledgement: asyncio.Task[HttpResponse] = asyncio.create_task(read_response(reader))
        # Retrieves the exception: asyncio logs one that is never retrieved.
        self.acknowledgement.add_done_callback(lambda task: None if task.cancelled() else task.exception())

    @classmethod
    async def open(cls, address: str, request_id: str) -> "StreamedResponse":
        """Connect and send the request head.

        Raises:
            OSError: no connection.
        """
        reader, writer = await open_connection(address)
        writer.write(encode_request_head("POST", f"{INVOCATION_PATH}{request_id}/response", address, _RESPONSE_HEADERS))
        return cls(reader, writer)

    @property
    def is_lost(self) -> bool:
        """Whether the client has disconnected, or has not taken all that was written."""
        is_stalled = self._writer.transport.get_write_buffer_size() > 0
        return self._is_lost or (not self._is_closed and (self.acknowledgement.done() or is_stalled))

    async def write(self, data: bytes) -> None:
        """Send a chunk, unbuffered; waits while the receiver's buffers are full.

        Raises:
            OSError: the client has disconnected.
        """
        if self.acknowledgement.done():
            raise BrokenPipeError("the response is no longer taken")
        if data:
            self._writer.write(encode_chunk(data))
            await self._writer.drain()

    async def end(self) -> None:
        """Send the last chunk and wait for the acknowledgement.

        Raises:
            OSError: the client has disconnected, or the acknowledgement is not 2xx.
        """
        await self._end(b"")

    async def fail(self, report: ErrorReport) -> None:
        """Send the last chunk and the report in trailers; a client that does not read gets neither.

        Raises:
            OSError: the client has disconnected or does not read, or the acknowledgement is not 2xx.
        """
        body = base64.b64encode(report.to_json()).decode()
        trailer_values = {"Error-Type": report.error_type, "Error-Body": body}
        trailers = "".join(f"Lambda-Runtime-Function-{name}: {value}\r\n" for name, value in trailer_values.items())
        async with asyncio.timeout(_REPORT_SECONDS):
            await self._end(trailers.encode())

    async def _end(self, trailers: bytes) -> None:
        try:
            self._writer.write(LAST_CHUNK + trailers + b"\r\n")
            await self._writer.drain()
            status = (await self.acknowledgement).status
            if not 200 <= status < 300:
                raise ConnectionAbortedError(f"the Runtime API answers {status} to a response")
        except (BrokenPipeError, ConnectionResetError, asyncio.CancelledError):
            self._is_lost = True
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection, in any state, and drop what the other end has not taken."""
        self._is_closed = True
        self.acknowledgement.cancel()
        self._writer.transport.abort()

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

    async def end(self, report: ErrorReport | None = None) -> None:
        """Send the last chunk and, after a failure, its report in trailers; then wait for the acknowledgement.

        Raises:
            OSError: the client has disconnected, or the acknowledgement is not 2xx.
        """
        trailers = b""
        if report is not None:
            body = base64.b64encode(report.to_json()).decode()
            trailer_values = {"Error-Type": report.error_type, "Error-Body": body}
            trailers = "".join(
                f"Lambda-Runtime-Function-{name}: {value}\r\n" for name, value in trailer_values.items()
            ).encode()
        try:
            self._writer.write(LAST_CHUNK + trailers + b"\r\n")
            await self._writer.drain()
            status = (await self.acknowledgement).status
            if not 200 <= status < 300:
                raise ConnectionAbortedError(f"the Runtime API answers {status} to a response")
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection, in any state."""
        self.acknowledgement.cancel()
        self._writer.close()

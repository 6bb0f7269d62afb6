"""One request and its response, as an ASGI app sees them."""

import asyncio
from typing import Any

from .failure import ErrorReport, FunctionError
from .prelude import encode_prelude
from .response import StreamedResponse
from .runtime_api import RuntimeApiClient

__all__ = ["Exchange"]

# A streamed body without a byte has hung function URLs.
_MINIMAL_BODY = b"\n"


class Exchange:
    """`receive` and `send` of one invocation."""

    def __init__(self, api: RuntimeApiClient, request_id: str, body: bytes) -> None:
        self._api = api
        self._request_id = request_id
        self._body: bytes | None = body
        self._prelude: bytes | None = None
        self._response: StreamedResponse | None = None
        self._has_body_bytes = False
        self._ended = False
        self._disconnected = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """The whole body; after that, once the response has ended or is no longer taken, http.disconnect."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take the response's start, or a part of its body, which is on its way when this returns.

        Raises:
            OSError: the response is no longer taken.
            RuntimeError: the app does not keep to ASGI.
            ValueError: its headers are too long.
        """
        message_type = message["type"]
        if message_type == "http.response.start" and self._prelude is None:
            self._prelude = encode_prelude(message["status"], message.get("headers", ()))
        elif message_type == "http.response.body" and self._prelude is not None and not self._ended:
            await self._send_body(self._prelude, message.get("body", b""), bool(message.get("more_body", False)))
        else:
            raise RuntimeError(f"{message_type} is not what an ASGI app may send now")

    async def _send_body(self, encoded_prelude: bytes, data: bytes, more_body: bool) -> None:
        if self._response is None:
            self._response = await StreamedResponse.open(self._api.address, self._request_id)
            self._response.acknowledgement.add_done_callback(lambda _: self._disconnected.set())
            await self._response.write(encoded_prelude)
        self._has_body_bytes = self._has_body_bytes or bool(data)
        await self._response.write(data if more_body or self._has_body_bytes else _MINIMAL_BODY)
        if not more_body:
            self._ended = True
            await self._end_response(self._response, None)

    async def finish(self, error: BaseException | None) -> None:
        """The app is done. What it left open ends as a failure: in trailers, or, if nothing was sent, as an error."""
        if error is None and not self._ended:
            error = FunctionError("Runtime.NoResponse", "The app returned before its response had ended")
        self._disconnected.set()
        if error is None:
            return
        report = ErrorReport.from_exception(error)
        report.log()
        if self._response is None:
            await self._api.report_error(self._request_id, report)
        elif not self._ended:
            self._ended = True
            try:
                await self._end_response(self._response, report)
            except OSError:
                return  # Said already, by the app's own failure.

    async def _end_response(self, response: StreamedResponse, report: ErrorReport | None) -> None:
        try:
            await response.end(report)
        finally:
            self._disconnected.set()

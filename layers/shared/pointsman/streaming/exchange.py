"""One request and its response, as an ASGI app sees them."""

import asyncio
from typing import Any

from .failure import AppFailure, Failure
from .prelude import prelude
from .response import StreamedResponse
from .runtime_api import RuntimeApi

__all__ = ["Exchange"]

# A streamed body without a byte has hung function URLs.
_LEAST = b"\n"


class Exchange:
    """`receive` and `send` of one invocation."""

    def __init__(self, api: RuntimeApi, request_id: str, body: bytes) -> None:
        self._api = api
        self._request_id = request_id
        self._body: bytes | None = body
        self._prelude: bytes | None = None
        self._response: StreamedResponse | None = None
        self._written = False
        self._ended = False
        self._over = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """The whole body; after that, once the response has ended or is no longer taken, http.disconnect."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take the response's start, or a part of its body, which is on its way when this returns.

        Raises:
            OSError: the response is no longer taken.
            RuntimeError: the app does not keep to ASGI.
            ValueError: its headers are too long.
        """
        kind = message["type"]
        if kind == "http.response.start" and self._prelude is None:
            self._prelude = prelude(message["status"], message.get("headers", ()))
        elif kind == "http.response.body" and self._prelude is not None and not self._ended:
            await self._send_body(self._prelude, message.get("body", b""), bool(message.get("more_body", False)))
        else:
            raise RuntimeError(f"{kind} is not what an ASGI app may send now")

    async def _send_body(self, start: bytes, data: bytes, more: bool) -> None:
        if self._response is None:
            self._response = await StreamedResponse.open(self._api.address, self._request_id)
            self._response.answer.add_done_callback(lambda _: self._over.set())
            await self._response.write(start)
        self._written = self._written or bool(data)
        await self._response.write(data if more or self._written else _LEAST)
        if not more:
            self._ended = True
            await self._end(self._response, None)

    async def finish(self, error: BaseException | None) -> None:
        """The app is done. What it left open ends as a failure: in trailers, or, if nothing was sent, as an error."""
        if error is None and not self._ended:
            error = AppFailure("Runtime.NoResponse", "The app returned before its response had ended")
        self._over.set()
        if error is None:
            return
        failure = Failure.of(error)
        failure.log()
        if self._response is None:
            await self._api.report(self._request_id, failure)
        elif not self._ended:
            self._ended = True
            try:
                await self._end(self._response, failure)
            except OSError:
                return  # Said already, by the app's own failure.

    async def _end(self, response: StreamedResponse, failure: Failure | None) -> None:
        try:
            await response.end(failure)
        finally:
            self._over.set()

"""A model response that is delayed, sent in chunks, or dropped before its end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.simulator.http.connection_drop import drop_connection
from local.simulator.http.messages import Reply
from local.simulator.model.stream_events import Chunk


async def _skip_sleep(_seconds: float) -> None:
    return


@dataclass(frozen=True)
class TimedReply(Reply):
    """A reply that is sent after `latency_s`, in chunks with `gap_s` (seconds) before each delta.

    Without chunks the body is sent as one. With `should_drop` the connection is dropped after the last chunk.
    """

    latency_s: float = 0.0
    gap_s: float = 0.0
    chunks: tuple[Chunk, ...] | None = None
    should_drop: bool = False
    wait: Callable[[float], Awaitable[None]] = _skip_sleep

    @classmethod
    def delay(cls, reply: Reply, latency_s: float, wait: Callable[[float], Awaitable[None]]) -> Reply:
        """Return the same reply with a latency in seconds."""
        if isinstance(reply, TimedReply):
            return replace(reply, latency_s=latency_s, wait=wait)
        return cls(reply.status, reply.body, reply.headers, reply.text, reply.media_type, latency_s, wait=wait)

    def to_response(self) -> Response:
        """Return a response that waits by `wait` and stops when the client disconnects."""
        return _TimedResponse(self, super().to_response())


class _TimedResponse(Response):
    def __init__(self, reply: TimedReply, response: Response) -> None:
        super().__init__(None, reply.status, dict(reply.headers), reply.media_type)
        self._reply = reply
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = self._reply
        disconnect = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            if await _sleep_or_disconnect(disconnect, reply, reply.latency_s):
                return
            if reply.chunks is None:
                await self._response(scope, receive, send)
                return
            headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            for chunk in reply.chunks:
                if chunk.is_delta and await _sleep_or_disconnect(disconnect, reply, reply.gap_s):
                    return
                await send({"type": "http.response.body", "body": chunk.data, "more_body": True})
            if reply.should_drop:
                drop_connection(scope)
                await disconnect
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            disconnect.cancel()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _sleep_or_disconnect(disconnect: "asyncio.Task[None]", reply: TimedReply, seconds: float) -> bool:
    """Sleep; return whether the client has disconnected."""
    if seconds > 0:
        sleep_task = asyncio.ensure_future(reply.wait(seconds))
        await asyncio.wait({disconnect, sleep_task}, return_when=asyncio.FIRST_COMPLETED)
        sleep_task.cancel()
    return disconnect.done()

"""Sending an answer of the model: late, in pieces, or cut off in the middle."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.simulator.connection import drop
from local.simulator.model.events import Chunk
from local.simulator.wire import Reply


async def _at_once(_seconds: float) -> None:
    return


@dataclass(frozen=True)
class Played(Reply):
    """A reply that is sent after `latency_s`, in chunks with `gap_s` between deltas, and is cut off at the end if
    `cut`. Without chunks it is sent as any other."""

    latency_s: float = 0.0
    gap_s: float = 0.0
    chunks: tuple[Chunk, ...] | None = None
    cut: bool = False
    wait: Callable[[float], Awaitable[None]] = _at_once

    @classmethod
    def after(cls, reply: Reply, latency_s: float, wait: Callable[[float], Awaitable[None]]) -> Reply:
        """The same reply, later."""
        if isinstance(reply, Played):
            return replace(reply, latency_s=latency_s, wait=wait)
        return cls(reply.status, reply.body, reply.headers, reply.text, reply.media_type, latency_s, wait=wait)

    def response(self) -> Response:
        return _Playing(self, super().response())


class _Playing(Response):
    def __init__(self, played: Played, whole: Response) -> None:
        super().__init__(None, played.status, dict(played.headers), played.media_type)
        self._played = played
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        played = self._played
        gone = asyncio.create_task(_gone(receive))
        try:
            if await _left(gone, played, played.latency_s):
                return
            if played.chunks is None:
                await self._whole(scope, receive, send)
                return
            headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
            await send({"type": "http.response.start", "status": played.status, "headers": headers})
            for chunk in played.chunks:
                if chunk.delta and await _left(gone, played, played.gap_s):
                    return
                await send({"type": "http.response.body", "body": chunk.data, "more_body": True})
            if played.cut:
                drop(scope)
                await gone
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _left(gone: "asyncio.Task[None]", played: Played, seconds: float) -> bool:
    """Wait; true when the client has gone away meanwhile."""
    if seconds > 0:
        waiting = asyncio.ensure_future(played.wait(seconds))
        await asyncio.wait({gone, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    return gone.done()

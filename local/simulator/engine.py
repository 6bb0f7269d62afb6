"""What happens to every request to a provider, whichever it is: log, rate limit, fault, latency, work, answer.

The work of a request is one synchronous function over the state, so requests never interleave inside it. It runs in a
task of its own: a client that goes away changes nothing about what is done. Latency is waited *before* the work
(`latency_ms`), and on order also between the work and the answer (`latency_after_ms`).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.responses import Response

from local.simulator.calls import CallEntry, CallLog
from local.simulator.config import Config, ProviderConfig
from local.simulator.connection import Dropped
from local.simulator.faults import Fault, FaultBook
from local.simulator.limiter import Limiter
from local.simulator.model.script import ScriptBook
from local.simulator.shape import VOLUME_THROTTLE, Failure
from local.simulator.state import State, StateFile
from local.simulator.wire import Reply, as_obj


@dataclass(frozen=True)
class Asked:
    """A request as the engine sees it. `text` is what a fault's `match` is looked for in."""

    provider: str
    operations: tuple[str, ...]
    method: str
    path: str
    text: str
    header_names: list[str]
    shown_body: object
    mutates: bool
    work: Callable[[float, Fault | None], Reply]
    shape: Callable[[Failure], Reply]
    settings: Callable[[Config], ProviderConfig]
    limit_headers: Callable[[Limiter, int], dict[str, str]]


@dataclass
class Engine:
    """The one mutable thing of a simulator: state, configuration, faults, scripts and calls."""

    config: Config
    state: State
    file: StateFile | None = None
    faults: FaultBook = field(default_factory=FaultBook)
    scripts: ScriptBook = field(default_factory=ScriptBook)
    calls: CallLog = field(default_factory=CallLog)
    limiters: dict[str, Limiter] = field(default_factory=dict[str, Limiter])
    generation: int = 0
    _running: set[asyncio.Task[Response]] = field(default_factory=set[asyncio.Task[Response]])
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def reset(self, config: Config, state: State) -> None:
        """Everything back to the beginning; requests that hang are let go."""
        self.config, self.state = config, state
        self.faults, self.scripts, self.calls, self.limiters = FaultBook(), ScriptBook(), CallLog(), {}
        self.generation += 1
        self.release()
        self.save()

    def release(self) -> None:
        """Wake up everything that waits: latency and hanging requests end at once."""
        self._released.set()
        self._released = asyncio.Event()

    def save(self) -> None:
        if self.file is not None:
            self.file.save(self.state)

    async def answer(self, asked: Asked) -> Response:
        entry = self.calls.open(
            CallEntry(0, time.time(), asked.provider, "+".join(asked.operations), asked.method, asked.path,
                      asked.header_names, asked.shown_body)
        )  # fmt: skip
        task = asyncio.create_task(self._perform(asked, entry))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _perform(self, asked: Asked, entry: CallEntry) -> Response:
        limiter = self._limiter(asked)
        try:
            if not limiter.admit(time.time()):
                wait = limiter.seconds_left(time.time())
                limited = asked.shape(Failure(429, retry_after=max(1.0, round(wait + 0.5))))
                return self._finish(entry, limited.with_headers(asked.limit_headers(limiter, 429)))
            reply = await self._faulted(asked, entry)
            if reply is None:
                return Dropped()
            return self._finish(entry, reply.with_headers(asked.limit_headers(limiter, reply.status)))
        finally:
            entry.ended = True

    async def _faulted(self, asked: Asked, entry: CallEntry) -> Reply | None:
        """The answer with whatever fault was ordered for it; null means that the connection is dropped."""
        fault = self.faults.take(asked.provider, asked.operations, asked.text)
        order = fault.order if fault else None
        kind = order.kind if order else None
        seconds = order.seconds if order else 0.0
        entry.fault = kind
        generation = self.generation
        if fault is None or fault.done:
            await self.wait(self.config.latency_ms / 1000 + (seconds if kind == "slow" else 0.0))
            if generation != self.generation:
                return None  # asked of a state that a reset has replaced
            reply = self._work(asked, entry, fault)
        else:
            if kind == "hang":
                await self.wait(seconds)
            reply = None
        if fault is None or kind in ("slow", "partial"):
            await self.wait(self.config.latency_after_ms / 1000)
            return reply
        if kind == "hang_done":
            await self.wait(seconds)
            return reply
        if kind in ("lost", "drop", "hang"):
            return None
        return spoilt(fault, asked.shape)

    def _work(self, asked: Asked, entry: CallEntry, fault: Fault | None) -> Reply:
        reply = asked.work(time.time(), fault)
        errors = asked.provider == "railway" and "errors" in as_obj(reply.body)
        entry.committed = reply.status < 400 and (not errors or (fault is not None and fault.order.kind == "partial"))
        if asked.mutates:
            self.save()
        return reply

    def _finish(self, entry: CallEntry, reply: Reply) -> Response:
        entry.status = reply.status
        return reply.response()

    def _limiter(self, asked: Asked) -> Limiter:
        rule = asked.settings(self.config).rate_limit
        limiter = self.limiters.get(asked.provider)
        if limiter is None or limiter.rule != rule:
            limiter = self.limiters[asked.provider] = Limiter(rule)
        return limiter

    async def wait(self, seconds: float) -> None:
        """Wait, until `release` at the longest."""
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._released.wait(), seconds)
        except TimeoutError:
            return


def spoilt(fault: Fault, shape: Callable[[Failure], Reply]) -> Reply:
    """The answer that a fault puts in place of the provider's own."""
    order = fault.order
    retry = order.retry_after
    match order.kind:
        case "refuse":
            # On Railway a refusal of our making is one of validation: its business errors come as HTTP 200.
            return shape(Failure(order.status or 400, order.message, order.code, retry))
        case "rate_limit":
            return shape(Failure(order.status or 429, order.message, order.code, retry))
        case "rate_limit_text":
            headers = Failure(429, retry_after=retry).retry_headers
            return Reply(429, headers=headers, text=order.message or "error code: 1015", media_type="text/plain")
        case "server_error" | "server_error_done":
            return shape(Failure(order.status or 500, order.message, order.code, retry))
        case "html":
            page = f"<html><head><title>502 Bad Gateway</title></head><body>{order.message or ''}</body></html>"
            return Reply(order.status or 502, text=page, media_type="text/html")
        case "graphql_error":
            return shape(Failure(200, order.message, order.code or "INTERNAL_SERVER_ERROR"))
        case "graphql_throttle":
            return shape(Failure(200, order.message or VOLUME_THROTTLE, order.code or "INTERNAL_SERVER_ERROR"))
        case _:
            return Reply(order.status or 200, text=order.message or "<!doctype html>not json", media_type="text/html")

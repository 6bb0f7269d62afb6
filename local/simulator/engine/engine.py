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

from local.simulator.config import Config, ProviderConfig
from local.simulator.engine.call_log import CallEntry, CallLog
from local.simulator.engine.faults import Fault, FaultRegistry
from local.simulator.engine.model_scripts import ScriptRegistry
from local.simulator.engine.rate_limiter import RateLimiter
from local.simulator.http.connection_drop import ConnectionDrop
from local.simulator.http.messages import Reply, as_obj
from local.simulator.http.provider_errors import VOLUME_THROTTLE_MESSAGE, ErrorDetails
from local.simulator.state.store import State, StateFile


@dataclass(frozen=True)
class IncomingCall:
    """A request as the engine sees it. `text` is what a fault's `match` is looked for in."""

    provider: str
    operations: tuple[str, ...]
    method: str
    path: str
    match_text: str
    header_names: list[str]
    logged_body: object
    is_mutation: bool
    execute: Callable[[float, Fault | None], Reply]
    render_error: Callable[[ErrorDetails], Reply]
    select_config: Callable[[Config], ProviderConfig]
    rate_limit_headers: Callable[[RateLimiter, int], dict[str, str]]


@dataclass
class Engine:
    """The one mutable thing of a simulator: state, configuration, faults, scripts and calls."""

    config: Config
    state: State
    state_file: StateFile | None = None
    faults: FaultRegistry = field(default_factory=FaultRegistry)
    scripts: ScriptRegistry = field(default_factory=ScriptRegistry)
    calls: CallLog = field(default_factory=CallLog)
    limiters: dict[str, RateLimiter] = field(default_factory=dict[str, RateLimiter])
    generation: int = 0
    _tasks: set[asyncio.Task[Response]] = field(default_factory=set[asyncio.Task[Response]])
    _release_event: asyncio.Event = field(default_factory=asyncio.Event)

    def reset(self, config: Config, state: State) -> None:
        """Everything back to the beginning; requests that hang are let go."""
        self.config, self.state = config, state
        self.faults, self.scripts, self.calls, self.limiters = FaultRegistry(), ScriptRegistry(), CallLog(), {}
        self.generation += 1
        self.release_waiters()
        self.save()

    def release_waiters(self) -> None:
        """Wake up everything that waits: latency and hanging requests end at once."""
        self._release_event.set()
        self._release_event = asyncio.Event()

    def save(self) -> None:
        if self.state_file is not None:
            self.state_file.save(self.state)

    async def handle_call(self, call: IncomingCall) -> Response:
        entry = self.calls.append(
            CallEntry(0, time.time(), call.provider, "+".join(call.operations), call.method, call.path,
                      call.header_names, call.logged_body)
        )  # fmt: skip
        task = asyncio.create_task(self._process_call(call, entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _process_call(self, call: IncomingCall, entry: CallEntry) -> Response:
        limiter = self._get_limiter(call)
        try:
            if not limiter.admit(time.time()):
                retry_after = limiter.seconds_until_reset(time.time())
                error = call.render_error(ErrorDetails(429, retry_after=max(1.0, round(retry_after + 0.5))))
                return self._complete_entry(entry, error.with_headers(call.rate_limit_headers(limiter, 429)))
            reply = await self._execute_with_fault(call, entry)
            if reply is None:
                return ConnectionDrop()
            return self._complete_entry(entry, reply.with_headers(call.rate_limit_headers(limiter, reply.status)))
        finally:
            entry.ended = True

    async def _execute_with_fault(self, call: IncomingCall, entry: CallEntry) -> Reply | None:
        """The answer with whatever fault was ordered for it; null means that the connection is dropped."""
        fault = self.faults.select(call.provider, call.operations, call.match_text)
        spec = fault.spec if fault else None
        kind = spec.kind if spec else None
        seconds = spec.seconds if spec else 0.0
        entry.fault = kind
        generation = self.generation
        if fault is None or fault.should_execute:
            await self.sleep(self.config.latency_ms / 1000 + (seconds if kind == "slow" else 0.0))
            if generation != self.generation:
                return None  # asked of a state that a reset has replaced
            reply = self._execute(call, entry, fault)
        else:
            if kind == "hang":
                await self.sleep(seconds)
            reply = None
        if fault is None or kind in ("slow", "partial"):
            await self.sleep(self.config.latency_after_ms / 1000)
            return reply
        if kind == "hang_done":
            await self.sleep(seconds)
            return reply
        if kind in ("lost", "drop", "hang"):
            return None
        return build_fault_reply(fault, call.render_error)

    def _execute(self, call: IncomingCall, entry: CallEntry, fault: Fault | None) -> Reply:
        reply = call.execute(time.time(), fault)
        has_errors = call.provider == "railway" and "errors" in as_obj(reply.body)
        entry.committed = reply.status < 400 and (
            not has_errors or (fault is not None and fault.spec.kind == "partial")
        )
        if call.is_mutation:
            self.save()
        return reply

    def _complete_entry(self, entry: CallEntry, reply: Reply) -> Response:
        entry.status = reply.status
        return reply.to_response()

    def _get_limiter(self, call: IncomingCall) -> RateLimiter:
        rule = call.select_config(self.config).rate_limit
        limiter = self.limiters.get(call.provider)
        if limiter is None or limiter.rule != rule:
            limiter = self.limiters[call.provider] = RateLimiter(rule)
        return limiter

    async def sleep(self, seconds: float) -> None:
        """Wait, until `release` at the longest."""
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._release_event.wait(), seconds)
        except TimeoutError:
            return


def build_fault_reply(fault: Fault, render_error: Callable[[ErrorDetails], Reply]) -> Reply:
    """The answer that a fault puts in place of the provider's own."""
    spec = fault.spec
    retry_after = spec.retry_after
    match spec.kind:
        case "refuse":
            # On Railway a refusal of our making is one of validation: its business errors come as HTTP 200.
            return render_error(ErrorDetails(spec.status or 400, spec.message, spec.code, retry_after))
        case "rate_limit":
            return render_error(ErrorDetails(spec.status or 429, spec.message, spec.code, retry_after))
        case "rate_limit_text":
            headers = ErrorDetails(429, retry_after=retry_after).retry_headers
            return Reply(429, headers=headers, text=spec.message or "error code: 1015", media_type="text/plain")
        case "server_error" | "server_error_done":
            return render_error(ErrorDetails(spec.status or 500, spec.message, spec.code, retry_after))
        case "html":
            page = f"<html><head><title>502 Bad Gateway</title></head><body>{spec.message or ''}</body></html>"
            return Reply(spec.status or 502, text=page, media_type="text/html")
        case "graphql_error":
            return render_error(ErrorDetails(200, spec.message, spec.code or "INTERNAL_SERVER_ERROR"))
        case "graphql_throttle":
            return render_error(
                ErrorDetails(200, spec.message or VOLUME_THROTTLE_MESSAGE, spec.code or "INTERNAL_SERVER_ERROR")
            )
        case _:
            return Reply(spec.status or 200, text=spec.message or "<!doctype html>not json", media_type="text/html")

"""The pipeline of every request to a provider: log, rate limit, fault, latency, execution, response.

A request executes as one synchronous function over the state, so requests never interleave inside it. It runs in its
own task: a client that disconnects does not change what is executed. `latency_ms` is spent *before* execution,
`latency_after_ms` between execution and response.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from starlette.responses import Response

from local.simulator.config import Config, ProviderConfig
from local.simulator.engine.call_log import CallEntry, CallLog
from local.simulator.engine.faults import UNENDING_KINDS, Fault, FaultRegistry
from local.simulator.engine.model_scripts import ScriptRegistry
from local.simulator.engine.rate_limiter import RateLimiter
from local.simulator.http.connection_drop import ConnectionDrop
from local.simulator.http.messages import Reply, as_obj
from local.simulator.http.provider_errors import VOLUME_THROTTLE_MESSAGE, ErrorDetails
from local.simulator.http.unending import UnendingResponse
from local.simulator.state.store import State, StateFile

_SAVE_PAUSE_FACTOR = 20
"""The pause after a write of the whole state, in durations of it: many mutations at once share a write."""


@dataclass(frozen=True)
class IncomingCall:
    """A request as the engine sees it.

    Attributes:
        operations: The operation's names; a GraphQL document may hold several.
        match_text: Path, query and body, which a fault's `match` is searched in.
        logged_body: The body without secrets.
        is_mutation: Whether the state file is written after execution.
        execute: Runs the request at a time (epoch seconds), with the fault that hit it.
        render_error: Renders an error in the provider's shape.
        select_config: Selects the provider's part of the configuration.
        rate_limit_headers: Builds the provider's headers for a limiter and a response status.
    """

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
    """All mutable data of one simulator: state, configuration, faults, scripts, calls and rate limiters."""

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
    _save_timer: asyncio.TimerHandle | None = None
    _next_save_at: float = 0.0

    def reset(self, config: Config, state: State) -> None:
        """Replace configuration and state, drop faults, scripts, calls and limiters, and release hanging requests."""
        self.config, self.state = config, state
        self.faults, self.scripts, self.calls, self.limiters = FaultRegistry(), ScriptRegistry(), CallLog(), {}
        self.generation += 1
        self.release_waiters()
        self.save()

    def release_waiters(self) -> None:
        """End all sleeps at once: latency and hanging requests."""
        self._release_event.set()
        self._release_event = asyncio.Event()

    def save(self) -> None:
        """Write the state file, if there is one: now, or soon if the last write was just now."""
        delay = self._next_save_at - time.monotonic()
        if delay <= 0:
            self.flush()
        elif self._save_timer is None:
            self._save_timer = asyncio.get_running_loop().call_later(delay, self.flush)

    def flush(self) -> None:
        """Write the state file, if there is one."""
        if self._save_timer is not None:
            self._save_timer.cancel()
            self._save_timer = None
        if self.state_file is not None:
            started_at = time.monotonic()
            self.state_file.save(self.state)
            ended_at = time.monotonic()
            self._next_save_at = ended_at + (ended_at - started_at) * _SAVE_PAUSE_FACTOR

    async def handle_call(self, call: IncomingCall) -> Response:
        """Log and process a call; processing continues when the client disconnects."""
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
            if isinstance(reply, Response):
                return reply
            return self._complete_entry(entry, reply.with_headers(call.rate_limit_headers(limiter, reply.status)))
        finally:
            entry.ended = True

    async def _execute_with_fault(self, call: IncomingCall, entry: CallEntry) -> Reply | Response:
        """Execute a call under the fault that hits it; a Response is one that never comes to its end."""
        fault = self.faults.select(call.provider, call.operations, call.match_text)
        spec = fault.spec if fault else None
        kind = spec.kind if spec else None
        seconds = spec.seconds if spec else 0.0
        entry.fault = kind
        generation = self.generation
        if fault is None or fault.should_execute:
            await self.sleep(self.config.latency_ms / 1000 + (seconds if kind == "slow" else 0.0))
            if generation != self.generation:
                return ConnectionDrop()  # a reset has replaced the state that the request was sent to
            reply = self._execute(call, entry, fault)
        else:
            if kind == "hang":
                await self.sleep(seconds)
            reply = ConnectionDrop()
        if fault is None or kind in ("slow", "partial"):
            await self.sleep(self.config.latency_after_ms / 1000)
            return reply
        if kind == "hang_done":
            await self.sleep(seconds)
            return reply
        if kind in ("lost", "drop", "hang"):
            return ConnectionDrop()
        if kind in UNENDING_KINDS:
            return UnendingResponse(kind, seconds, self._release_event)
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
        """Sleep, at most until the next `release_waiters`."""
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._release_event.wait(), seconds)
        except TimeoutError:
            return


def build_fault_reply(fault: Fault, render_error: Callable[[ErrorDetails], Reply]) -> Reply:
    """Build the response that a fault sends in place of the provider's own."""
    spec = fault.spec
    retry_after = spec.retry_after
    match spec.kind:
        case "refuse":
            # On Railway this renders as a validation error: its business errors come with HTTP 200.
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
        case "error_body":
            error = render_error(ErrorDetails(spec.status or 500, spec.message, spec.code, retry_after))
            return replace(error, status=200)
        case "other_shape":
            return Reply(spec.status or 200, text=json.dumps(spec.body))
        case "empty":
            return Reply(spec.status or 200)
        case _:
            return Reply(spec.status or 200, text=spec.message or "<!doctype html>not json", media_type="text/html")

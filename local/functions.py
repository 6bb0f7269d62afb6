"""The Lambda service: for each function as many worker processes as are needed at once, kept warm."""

import asyncio
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.errors import RunnerError
from local.function_logs import FunctionLog
from local.invocation import PAYLOAD_LIMIT, Invocation, Result
from local.processes import Warden
from local.runtime_api import RuntimeApi
from local.streams import Chunks
from local.template import Function
from local.worker import Worker, lambda_environment

# A call that finds all workers busy gives them this long before another process is started for it.
SCALE_UP_AFTER = 0.05
# More at a time would only take the cores from one another, and from whoever is asked meanwhile.
STARTS_AT_ONCE = 8


class UnknownFunction(RunnerError):
    """There is no function of that name in the template."""


class PayloadTooLarge(RunnerError):
    """The event is over what Lambda takes."""


@dataclass
class _Waiting:
    invocation: Invocation
    may_start: bool = False


class _Pool:
    """The workers of one function and the invocations that wait for one."""

    def __init__(self, function: Function, service: "LambdaService") -> None:
        self.function = function
        self.workers: list[Worker] = []
        self.waiting: deque[_Waiting] = deque()
        self._service = service

    def submit(self, invocation: Invocation) -> None:
        waiting = _Waiting(invocation)
        self.waiting.append(waiting)
        self.dispatch()
        if waiting in self.waiting:
            asyncio.get_running_loop().call_later(SCALE_UP_AFTER, self._grant_start, waiting)

    def abandon(self, invocation: Invocation) -> None:
        self.waiting = deque(waiting for waiting in self.waiting if waiting.invocation is not invocation)

    def dispatch(self) -> None:
        """Hand waiting invocations to idle workers, and start workers for those that have waited long enough."""
        for worker in [worker for worker in self.workers if worker.state == "dead"]:
            self.workers.remove(worker)
        while self.waiting:
            worker = self._idle()
            if worker is None:
                break
            worker.hand_over(self.waiting.popleft().invocation)
        self._start_for_waiting()

    def changed(self, worker: Worker) -> None:
        """A worker became idle or died."""
        if worker.state == "dead" and worker.init_error is not None and self.waiting:
            # A start that failed costs one invocation; the others get starts of their own.
            self.waiting.popleft().invocation.fail(worker.init_error)
        self.dispatch()

    def start(self) -> Worker:
        service = self._service
        worker = Worker(self.function, service.api, service.warden, service.log_of(self.function), self.changed)
        self.workers.append(worker)
        worker.start(lambda_environment(self.function, service.aws_url))
        return worker

    def _idle(self) -> Worker | None:
        for worker in self.workers:
            if worker.state == "idle" and not worker.retired:
                if worker.alive:
                    return worker
                worker.retired = True
        return None

    def _start_for_waiting(self) -> None:
        current = [worker for worker in self.workers if not worker.retired]
        starting = sum(worker.state == "starting" for worker in current)
        wanted = sum(waiting.may_start for waiting in self.waiting) if current else len(self.waiting)
        wanted = max(wanted, 1 if self.waiting and not current else 0)
        room = min(self._service.limit_of(self.function) - len(current), STARTS_AT_ONCE - starting)
        for _ in range(min(wanted - starting, room)):
            self.start()

    def _grant_start(self, waiting: _Waiting) -> None:
        waiting.may_start = True
        if waiting in self.waiting:
            self.dispatch()


class LambdaService:
    """Invokes the functions of a template.

    Args:
        functions: by name.
        aws_url: where boto3 in a function finds AWS.
        logs: folder for a log file per function.
        warden: ends the workers should we die.
        report: shows a short line to the person.
        concurrency: most workers of one function; further calls wait.
        stream_concurrency: the same for a function that streams, which keeps its worker as long as its client stays.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        aws_url: str,
        logs: Path,
        warden: Warden,
        report: Callable[[str], None],
        concurrency: int = 10,
        stream_concurrency: int = 200,
    ) -> None:
        self.api = RuntimeApi()
        self.warden = warden
        self.aws_url = aws_url
        self._concurrency = concurrency
        self._stream_concurrency = stream_concurrency
        self._logs = logs
        self._report = report
        self._pools = {name: _Pool(function, self) for name, function in functions.items()}
        self._retiring: set[Worker] = set()

    async def start(self) -> None:
        """Be ready to invoke; no process is started yet."""
        self._logs.mkdir(parents=True, exist_ok=True)

    async def stop(self) -> None:
        """End every worker; invocations under way fail."""
        workers = [worker for pool in self._pools.values() for worker in pool.workers]
        for pool in self._pools.values():
            for waiting in pool.waiting:
                waiting.invocation.fail_with("Sandbox.Stopped", "The local runner is stopping")
            pool.waiting.clear()
        await asyncio.gather(*(worker.stop() for worker in workers))
        await self.api.stop()

    def log_of(self, function: Function) -> FunctionLog:
        """A log for one worker of a function."""
        return FunctionLog(self._logs / f"{function.name}.log", function.name, self._report)

    async def invoke(self, name: str, payload: bytes) -> Result:
        """Invoke a function by name or ARN and wait for its answer.

        Raises:
            UnknownFunction: there is no such function.
            PayloadTooLarge: the event is over Lambda's limit.
        """
        pool = self._pool(name, payload)
        invocation = Invocation(payload, pool.function.arn, pool.function.timeout)
        pool.submit(invocation)
        try:
            return await invocation.result
        finally:
            pool.abandon(invocation)

    def stream(self, name: str, payload: bytes) -> Invocation:
        """Invoke a function and read its answer from the invocation's stream, or not: the function runs to its end.

        Raises:
            UnknownFunction, PayloadTooLarge: as `invoke` does.
        """
        pool = self._pool(name, payload)
        invocation = Invocation(payload, pool.function.arn, pool.function.timeout, stream=Chunks())
        pool.submit(invocation)
        return invocation

    def limit_of(self, function: Function) -> int:
        """Most workers of a function."""
        return self._stream_concurrency if function.wrapper is not None else self._concurrency

    def _pool(self, name: str, payload: bytes) -> _Pool:
        pool = self._pools.get(function_name(name))
        if pool is None:
            raise UnknownFunction(f"Function not found: {name}")
        if len(payload) > PAYLOAD_LIMIT:
            raise PayloadTooLarge(f"Request must be smaller than {PAYLOAD_LIMIT} bytes")
        return pool

    async def prewarm(self, names: Iterable[str] | None = None) -> None:
        """Start workers until each function has one, or as many as it is named; as many at a time as there are cores.

        A function that cannot be started is left for its first call to report.
        """
        cores = asyncio.Semaphore(max(1, os.cpu_count() or 1))

        async def warm(pool: _Pool, wanted: int) -> None:
            async with cores:
                workers = [worker for worker in pool.workers if not worker.retired]
                worker = workers[wanted - 1] if len(workers) >= wanted else pool.start()
                while worker.state == "starting":
                    await asyncio.sleep(0.01)

        named = Counter(list(self._pools) if names is None else names)
        each = [(name, number) for name, total in named.items() for number in range(1, total + 1)]
        await asyncio.gather(*(warm(self._pools[name], number) for name, number in each))

    def retire_all(self) -> int:
        """Let new code in: idle workers end now, busy ones after their event.

        Returns:
            How many workers are affected.
        """
        count = 0
        for pool in self._pools.values():
            for worker in [worker for worker in pool.workers if not worker.retired and worker.state != "dead"]:
                worker.retire()
                count += 1
            pool.dispatch()
        return count

    def status(self) -> dict[str, Any]:
        """Functions and their workers, as plain data."""
        return {
            name: {
                "handler": pool.function.handler,
                "waiting": len(pool.waiting),
                "workers": [
                    {
                        "pid": worker.pid,
                        "state": worker.state,
                        "requestId": worker.request_id,
                        "startedAt": worker.started,
                        "retired": worker.retired,
                    }
                    for worker in pool.workers
                    if worker.state != "dead"
                ],
            }
            for name, pool in self._pools.items()
        }


def function_name(name: str) -> str:
    """A function's logical id from its name or ARN, with or without a version."""
    with suppress(ValueError):
        return name.split(":", 7)[6] if name.startswith("arn:") else name.split(":", 1)[0]
    return name

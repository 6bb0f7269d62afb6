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
from local.lambda_service.function_logs import FunctionLog
from local.lambda_service.invocation import MAX_PAYLOAD_BYTES, Invocation, InvocationResult
from local.lambda_service.response_stream import ResponseStream
from local.lambda_service.runtime_api import RuntimeApi
from local.lambda_service.worker import Worker, build_lambda_environment
from local.processes.supervisor import Supervisor
from local.template.sam_template import Function

# A call that finds all workers busy gives them this long before another process is started for it.
SCALE_UP_DELAY = 0.05
# More at a time would only take the cores from one another, and from whoever is asked meanwhile.
MAX_CONCURRENT_STARTS = 8


class UnknownFunction(RunnerError):
    """There is no function of that name in the template."""


class PayloadTooLarge(RunnerError):
    """The event is over what Lambda takes."""


@dataclass
class _QueuedInvocation:
    invocation: Invocation
    may_start_worker: bool = False


class _WorkerPool:
    """The workers of one function and the invocations that wait for one."""

    def __init__(self, function: Function, service: "LambdaService") -> None:
        self.function = function
        self.workers: list[Worker] = []
        self.queue: deque[_QueuedInvocation] = deque()
        self._service = service

    def enqueue(self, invocation: Invocation) -> None:
        queued = _QueuedInvocation(invocation)
        self.queue.append(queued)
        self.dispatch()
        if queued in self.queue:
            asyncio.get_running_loop().call_later(SCALE_UP_DELAY, self._allow_worker_start, queued)

    def remove_from_queue(self, invocation: Invocation) -> None:
        self.queue = deque(queued for queued in self.queue if queued.invocation is not invocation)

    def dispatch(self) -> None:
        """Hand waiting invocations to idle workers, and start workers for those that have waited long enough."""
        for worker in [worker for worker in self.workers if worker.state == "dead"]:
            self.workers.remove(worker)
        while self.queue:
            worker = self._find_idle_worker()
            if worker is None:
                break
            worker.assign(self.queue.popleft().invocation)
        self._start_workers_for_queue()

    def handle_worker_change(self, worker: Worker) -> None:
        """A worker became idle or died."""
        if worker.state == "dead" and worker.init_error is not None and self.queue:
            # A start that failed costs one invocation; the others get starts of their own.
            self.queue.popleft().invocation.fail(worker.init_error)
        self.dispatch()

    def start_worker(self) -> Worker:
        service = self._service
        worker = Worker(
            self.function,
            service.runtime_api,
            service.supervisor,
            service.create_log(self.function),
            self.handle_worker_change,
        )
        self.workers.append(worker)
        worker.start(build_lambda_environment(self.function, service.aws_url))
        return worker

    def _find_idle_worker(self) -> Worker | None:
        for worker in self.workers:
            if worker.state == "idle" and not worker.retired:
                if worker.is_alive:
                    return worker
                worker.retired = True
        return None

    def _start_workers_for_queue(self) -> None:
        active_workers = [worker for worker in self.workers if not worker.retired]
        starting_count = sum(worker.state == "starting" for worker in active_workers)
        needed_count = sum(queued.may_start_worker for queued in self.queue) if active_workers else len(self.queue)
        needed_count = max(needed_count, 1 if self.queue and not active_workers else 0)
        free_capacity = min(
            self._service.get_worker_limit(self.function) - len(active_workers), MAX_CONCURRENT_STARTS - starting_count
        )
        for _ in range(min(needed_count - starting_count, free_capacity)):
            self.start_worker()

    def _allow_worker_start(self, queued: _QueuedInvocation) -> None:
        queued.may_start_worker = True
        if queued in self.queue:
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
        log_folder: Path,
        supervisor: Supervisor,
        report: Callable[[str], None],
        concurrency: int = 10,
        stream_concurrency: int = 200,
    ) -> None:
        self.runtime_api = RuntimeApi()
        self.supervisor = supervisor
        self.aws_url = aws_url
        self._concurrency = concurrency
        self._stream_concurrency = stream_concurrency
        self._log_folder = log_folder
        self._report = report
        self._pools = {name: _WorkerPool(function, self) for name, function in functions.items()}
        self._retiring: set[Worker] = set()

    async def start(self) -> None:
        """Be ready to invoke; no process is started yet."""
        self._log_folder.mkdir(parents=True, exist_ok=True)

    async def stop(self) -> None:
        """End every worker; invocations under way fail."""
        workers = [worker for pool in self._pools.values() for worker in pool.workers]
        for pool in self._pools.values():
            for queued in pool.queue:
                queued.invocation.fail_with("Sandbox.Stopped", "The local runner is stopping")
            pool.queue.clear()
        await asyncio.gather(*(worker.stop() for worker in workers))
        await self.runtime_api.stop()

    def create_log(self, function: Function) -> FunctionLog:
        """A log for one worker of a function."""
        return FunctionLog(self._log_folder / f"{function.name}.log", function.name, self._report)

    async def invoke(self, name: str, payload: bytes) -> InvocationResult:
        """Invoke a function by name or ARN and wait for its answer.

        Raises:
            UnknownFunction: there is no such function.
            PayloadTooLarge: the event is over Lambda's limit.
        """
        pool = self._find_pool(name, payload)
        invocation = Invocation(payload, pool.function.arn, pool.function.timeout)
        pool.enqueue(invocation)
        try:
            return await invocation.result
        finally:
            pool.remove_from_queue(invocation)

    def invoke_with_response_stream(self, name: str, payload: bytes) -> Invocation:
        """Invoke a function and read its answer from the invocation's stream, or not: the function runs to its end.

        Raises:
            UnknownFunction, PayloadTooLarge: as `invoke` does.
        """
        pool = self._find_pool(name, payload)
        invocation = Invocation(payload, pool.function.arn, pool.function.timeout, response_stream=ResponseStream())
        pool.enqueue(invocation)
        return invocation

    def get_worker_limit(self, function: Function) -> int:
        """Most workers of a function."""
        return self._stream_concurrency if function.exec_wrapper is not None else self._concurrency

    def _find_pool(self, name: str, payload: bytes) -> _WorkerPool:
        pool = self._pools.get(parse_function_name(name))
        if pool is None:
            raise UnknownFunction(f"Function not found: {name}")
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLarge(f"Request must be smaller than {MAX_PAYLOAD_BYTES} bytes")
        return pool

    async def prewarm(self, names: Iterable[str] | None = None) -> None:
        """Start workers until each function has one, or as many as it is named; as many at a time as there are cores.

        A function that cannot be started is left for its first call to report.
        """
        cores = asyncio.Semaphore(max(1, os.cpu_count() or 1))

        async def warm(pool: _WorkerPool, worker_number: int) -> None:
            async with cores:
                workers = [worker for worker in pool.workers if not worker.retired]
                worker = workers[worker_number - 1] if len(workers) >= worker_number else pool.start_worker()
                while worker.state == "starting":
                    await asyncio.sleep(0.01)

        worker_counts = Counter(list(self._pools) if names is None else names)
        targets = [(name, number) for name, total in worker_counts.items() for number in range(1, total + 1)]
        await asyncio.gather(*(warm(self._pools[name], number) for name, number in targets))

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
                "waiting": len(pool.queue),
                "workers": [
                    {
                        "pid": worker.pid,
                        "state": worker.state,
                        "requestId": worker.request_id,
                        "startedAt": worker.started_at,
                        "retired": worker.retired,
                    }
                    for worker in pool.workers
                    if worker.state != "dead"
                ],
            }
            for name, pool in self._pools.items()
        }


def parse_function_name(name: str) -> str:
    """A function's logical id from its name or ARN, with or without a version."""
    with suppress(ValueError):
        return name.split(":", 7)[6] if name.startswith("arn:") else name.split(":", 1)[0]
    return name

"""The Lambda service: invokes functions by name, each with a pool of warm worker processes."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.errors import RunnerError
from local.lambda_service.function_logs import FunctionLog
from local.lambda_service.invocation import MAX_PAYLOAD_BYTES, Invocation, InvocationResult
from local.lambda_service.process_launcher import ProcessLauncher
from local.lambda_service.response_stream import ResponseStream
from local.lambda_service.runtime_api import RuntimeApi
from local.lambda_service.worker import Worker, build_lambda_environment
from local.lambda_service.worker_pool import IDLE_TIMEOUT, MAX_QUEUE_LENGTH, OnWorkerChange, WorkerPool
from local.processes.supervisor import Supervisor
from local.template.sam_template import Function


class UnknownFunction(RunnerError):
    """The template has no function of that name."""


class PayloadTooLarge(RunnerError):
    """The event is over Lambda's limit on a synchronous request."""


class TooManyRequests(RunnerError):
    """So many invocations of the function wait for a worker that no further one may. Lambda would throttle it."""


class LambdaService:
    """Invokes the functions of a template.

    Args:
        functions: By logical id.
        aws_url: Endpoint of the AWS services that functions call.
        log_folder: An existing folder; each function gets a log file in it.
        supervisor: Ends the workers if this process dies.
        report: Prints a warning on the console.
        concurrency: Most workers of one function, unless less concurrency is reserved for it; further invocations wait.
        stream_concurrency: The same for functions that stream, which keep a worker until the stream has ended.
        python: The workers' interpreter, which has to have the runtime client; this process's by default.
        forks: Whether workers are forked from a process that has imported what they need, where the system can.
        idle_timeout: Seconds after which an idle worker ends, unless it is the only one of its function.
        max_queue_length: Most invocations of one function that wait for a worker; further ones are refused.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        aws_url: str,
        log_folder: Path,
        supervisor: Supervisor,
        report: Callable[[str], None],
        concurrency: int = 10,
        stream_concurrency: int = 100,
        python: Path = Path(sys.executable),
        *,
        forks: bool = True,
        idle_timeout: float = IDLE_TIMEOUT,
        max_queue_length: int = MAX_QUEUE_LENGTH,
    ) -> None:
        self._max_queue_length = max_queue_length
        self._runtime_api = RuntimeApi()
        self._supervisor = supervisor
        self._log_folder = log_folder
        self._report = report
        self._environments = {
            name: build_lambda_environment(function, aws_url, python) for name, function in functions.items()
        }
        self._launcher = ProcessLauncher(supervisor, python, self._environments, log_folder, forks=forks)
        self._pools = {
            name: WorkerPool(
                function, self._start_worker, _limit_workers(function, concurrency, stream_concurrency), idle_timeout
            )
            for name, function in functions.items()
        }

    async def stop(self) -> None:
        """End every worker; the invocations that run or wait fail."""
        workers = [worker for pool in self._pools.values() for worker in pool.workers]
        for pool in self._pools.values():
            pool.close()
            pool.fail_queued("Sandbox.Stopped", "The local runner is stopping")
        await asyncio.gather(*(worker.stop() for worker in workers))
        await self._launcher.stop()
        await self._runtime_api.stop()

    async def invoke(self, name: str, payload: bytes) -> InvocationResult:
        """Invoke a function and wait for its result.

        Args:
            name: Logical id or ARN of the function.
            payload: The event in JSON.

        Raises:
            UnknownFunction: There is no such function.
            PayloadTooLarge: The event is over Lambda's limit.
            TooManyRequests: Too many invocations of the function wait for a worker.
        """
        pool = self._find_pool(name, payload)
        invocation = Invocation(payload, pool.function.arn, pool.function.timeout)
        pool.enqueue(invocation)
        try:
            return await invocation.result
        finally:
            pool.remove_from_queue(invocation)

    def invoke_with_response_stream(self, name: str, payload: bytes) -> Invocation:
        """Invoke a function whose response is read from the invocation's `response_stream`.

        Whoever stops reading has to `abandon` it.

        Raises:
            UnknownFunction: There is no such function.
            PayloadTooLarge: The event is over Lambda's limit.
            TooManyRequests: Too many invocations of the function wait for a worker.
        """
        pool = self._find_pool(name, payload)
        invocation = Invocation(payload, pool.function.arn, pool.function.timeout, response_stream=ResponseStream())
        pool.enqueue(invocation)
        return invocation

    def abandon(self, invocation: Invocation) -> None:
        """Give up a streamed response. An invocation that waits is dropped; a function that writes learns of it."""
        self._pools[parse_function_name(invocation.function_arn)].remove_from_queue(invocation)
        if invocation.response_stream is not None:
            invocation.response_stream.discard()

    async def prewarm(self, names: Iterable[str] | None = None) -> None:
        """Start workers and wait until they have initialized; as many start at once as there are cores.

        A worker that fails to start is not reported here; the function's first invocation reports it.

        Args:
            names: Functions that get a worker each; one named several times gets as many. All functions by default.
        """
        cores = asyncio.Semaphore(max(1, os.cpu_count() or 1))

        async def prewarm_one(pool: WorkerPool, number: int) -> None:
            async with cores:
                await pool.prewarm(number)

        worker_counts = Counter(list(self._pools) if names is None else names)
        targets = [(name, number) for name, total in worker_counts.items() for number in range(1, total + 1)]
        await asyncio.gather(*(prewarm_one(self._pools[name], number) for name, number in targets))

    def retire_all(self) -> int:
        """Retire all workers after a change of code: idle ones end now, busy ones after their event.

        Returns:
            The number of workers that were retired.
        """
        self._launcher.retire()
        return sum(pool.retire_workers() for pool in self._pools.values())

    def status(self) -> dict[str, Any]:
        """Return the functions and their workers as plain data."""
        return {name: pool.status() for name, pool in self._pools.items()}

    def fork_server_status(self) -> list[dict[str, Any]]:
        """Return the fork servers that run as plain data."""
        return self._launcher.status()

    def _start_worker(self, function: Function, on_change: OnWorkerChange) -> Worker:
        log = FunctionLog(self._log_folder / f"{function.name}.log", function.name, self._report)
        worker = Worker(function, self._runtime_api, self._supervisor, log, on_change, self._launcher)
        worker.start(self._environments[function.name])
        return worker

    def _find_pool(self, name: str, payload: bytes) -> WorkerPool:
        pool = self._pools.get(parse_function_name(name))
        if pool is None:
            raise UnknownFunction(f"Function not found: {name}")
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLarge(f"Request must be smaller than {MAX_PAYLOAD_BYTES} bytes")
        if pool.queue_length >= self._max_queue_length:
            raise TooManyRequests("Rate Exceeded.")
        return pool


def parse_function_name(name: str) -> str:
    """Return a function's logical id from its name or ARN, either with or without a version."""
    with suppress(ValueError):
        return name.split(":", 7)[6] if name.startswith("arn:") else name.split(":", 1)[0]
    return name


def _limit_workers(function: Function, concurrency: int, stream_concurrency: int) -> int:
    limit = concurrency if function.exec_wrapper is None else stream_concurrency
    return limit if function.reserved_concurrency is None else min(limit, function.reserved_concurrency)

"""The workers of one function and the queue of invocations that wait for one of them."""

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.lambda_service.invocation import Invocation
from local.lambda_service.worker import Worker
from local.template.sam_template import Function

SCALE_UP_DELAY = 0.05
"""Seconds that an invocation waits for a busy worker before another process is started for it, or that a worker is busy
before it counts as one that makes no progress."""

MAX_CONCURRENT_STARTS = 8
"""Most processes of one function that start at once; more would slow each other and all other functions down."""

MAX_QUEUE_LENGTH = 1000
"""Most invocations of one function that wait for a worker, as many as Lambda runs at once in an account by default."""

IDLE_TIMEOUT = 30.0
"""Seconds after which an idle worker ends, unless it is the function's only one."""

_HORIZON = 1.0
"""Seconds within which the queue has to empty at the present rate, else further workers are started."""

_MAX_TIMER_LAG = 0.02
"""Seconds by which the event loop may be late. If it is later, workers seem busy for as long, and may not be."""

_CORES = max(1, os.cpu_count() or 1)

OnWorkerChange = Callable[[Worker], None]
StartWorker = Callable[[Function, OnWorkerChange], Worker]


@dataclass
class _QueuedInvocation:
    invocation: Invocation
    queued_at: float


class WorkerPool:
    """Assigns invocations of one function to its workers and scales the number of workers up and down.

    A queued invocation that has waited may start a worker. But a function that answers in milliseconds is limited by
    the processor, and gets no more workers than there are cores. One whose workers are busy for longer, since they
    wait for something, gets as many again each time. One that streams keeps its workers busy by nature, and gets one
    for each invocation.

    Args:
        function: The function.
        start_worker: Starts a worker; the callback has to be called when it becomes idle or dies.
        limit: Most workers that are not retired; further invocations wait in the queue.
        idle_timeout: Seconds after which an idle worker ends, unless it is the only one.
    """

    def __init__(
        self, function: Function, start_worker: StartWorker, limit: int, idle_timeout: float = IDLE_TIMEOUT
    ) -> None:
        self.function = function
        self.workers: list[Worker] = []
        self._start_worker = start_worker
        self._limit = limit
        self._idle_timeout = idle_timeout
        self._assigned_count = 0
        self._is_check_skipped = False
        self._scale_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._queue: OrderedDict[str, _QueuedInvocation] = OrderedDict()  # by request id

    @property
    def queue_length(self) -> int:
        """How many invocations wait for a worker."""
        return len(self._queue)

    def enqueue(self, invocation: Invocation) -> None:
        """Assign an invocation to an idle worker, or queue it."""
        self._queue[invocation.request_id] = _QueuedInvocation(invocation, time.monotonic())
        self._dispatch()
        if self._queue and self._scale_timer is None:
            self._schedule_scaling()

    def close(self) -> None:
        """Start and end no further workers by time."""
        for timer in (self._scale_timer, self._idle_timer):
            if timer is not None:
                timer.cancel()

    def remove_from_queue(self, invocation: Invocation) -> None:
        """Drop an invocation whose caller no longer waits; one that a worker has runs on."""
        self._queue.pop(invocation.request_id, None)

    def fail_queued(self, error_type: str, message: str) -> None:
        """Fail all invocations that wait for a worker."""
        for queued in self._queue.values():
            queued.invocation.fail_with(error_type, message)
        self._queue.clear()

    async def prewarm(self, number: int) -> None:
        """Wait until the function's `number`-th worker has initialized or died; start a worker if there are fewer."""
        workers = [worker for worker in self.workers if not worker.retired]
        worker = workers[number - 1] if len(workers) >= number else self._add_worker()
        while worker.state == "starting":
            await asyncio.sleep(0.01)

    def retire_workers(self) -> int:
        """Retire all workers, so that the next invocations run the code as it is now; return how many there were."""
        workers = [worker for worker in self.workers if not worker.retired and worker.state != "dead"]
        for worker in workers:
            worker.retire()
        self._dispatch()
        return len(workers)

    def status(self) -> dict[str, Any]:
        """Return handler, queue length and workers as plain data."""
        return {
            "handler": self.function.handler,
            "waiting": len(self._queue),
            "workers": [
                {
                    "pid": worker.pid,
                    "state": worker.state,
                    "requestId": worker.request_id,
                    "startedAt": worker.started_at,
                    "retired": worker.retired,
                }
                for worker in self.workers
                if worker.state != "dead"
            ],
        }

    def _dispatch(self) -> None:
        for worker in [worker for worker in self.workers if worker.state == "dead"]:
            self.workers.remove(worker)
        while self._queue:
            worker = self._find_idle_worker()
            if worker is None:
                break
            self._assigned_count += 1
            worker.assign(self._take_first())
        self._start_workers_for_queue()

    def _handle_worker_change(self, worker: Worker) -> None:
        if worker.state == "dead" and worker.init_error is not None and self._queue:
            # A failed start fails one invocation only; each of the others gets a start of its own.
            self._take_first().fail(worker.init_error)
        self._dispatch()

    def _take_first(self) -> Invocation:
        return self._queue.popitem(last=False)[1].invocation

    def _add_worker(self) -> Worker:
        worker = self._start_worker(self.function, self._handle_worker_change)
        self.workers.append(worker)
        if len(self.workers) > 1:
            self._schedule_idle_check()
        return worker

    def _find_idle_worker(self) -> Worker | None:
        for worker in self.workers:
            if worker.state == "idle" and not worker.retired:
                if worker.is_alive:
                    return worker
                worker.retired = True
        return None

    def _start_workers_for_queue(self, growth: int = 0) -> None:
        """Start workers for the queue.

        Args:
            growth: Most workers beyond the number of cores, for a function that does not stream.
        """
        if not self._queue:
            return
        active_workers = [worker for worker in self.workers if not worker.retired]
        starting_count = sum(worker.state == "starting" for worker in active_workers)
        needed_count = len(self._queue)
        if active_workers:
            now = time.monotonic()
            needed_count = (
                sum(now - queued.queued_at >= SCALE_UP_DELAY for queued in self._queue.values()) - starting_count
            )
        if self.function.exec_wrapper is None:
            needed_count = min(needed_count, max(growth, _CORES - len(active_workers)))
        free_capacity = min(self._limit - len(active_workers), MAX_CONCURRENT_STARTS - starting_count)
        for _ in range(min(needed_count, free_capacity)):
            self._add_worker()

    def _schedule_scaling(self) -> None:
        loop = asyncio.get_running_loop()
        self._scale_timer = loop.call_later(
            SCALE_UP_DELAY, self._scale_up, loop.time() + SCALE_UP_DELAY, self._assigned_count
        )

    def _scale_up(self, due_at: float, assigned_count: int) -> None:
        """Start workers if the queue would not empty soon, and check again until it has.

        Args:
            due_at: When this was to be called, in the event loop's time.
            assigned_count: How many invocations had been assigned `SCALE_UP_DELAY` before.
        """
        self._scale_timer = None
        self._dispatch()
        if not self._queue:
            return
        progress = self._assigned_count - assigned_count
        is_slow = progress == 0 or len(self._queue) / progress * SCALE_UP_DELAY > _HORIZON
        is_late = asyncio.get_running_loop().time() - due_at > _MAX_TIMER_LAG
        self._is_check_skipped = is_late and not self._is_check_skipped
        if is_slow and not self._is_check_skipped:
            self._start_workers_for_queue(sum(worker.busy_seconds >= SCALE_UP_DELAY for worker in self.workers))
        self._schedule_scaling()

    def _schedule_idle_check(self) -> None:
        if self._idle_timer is None:
            self._idle_timer = asyncio.get_running_loop().call_later(self._idle_timeout / 2, self._end_idle_workers)

    def _end_idle_workers(self) -> None:
        self._idle_timer = None
        active_workers = [worker for worker in self.workers if not worker.retired]
        idle_workers = [worker for worker in active_workers if worker.idle_seconds >= self._idle_timeout]
        # Invocations go to the first idle worker, so the last ones are those that are needed least.
        for worker in idle_workers[::-1][: len(active_workers) - 1]:
            worker.retire()
        if len([worker for worker in self.workers if not worker.retired]) > 1:
            self._schedule_idle_check()

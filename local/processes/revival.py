"""Starts a child process again that has ended by itself, and gives up when that does not help."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from local.errors import RunnerError
from local.processes.supervisor import ChildProcess, describe_exit_code, wait_for_exit

MAX_STARTS = 5
PERIOD_SECONDS = 60.0
"""A child is started again at most so often within so many seconds."""

_FIRST_PAUSE = 0.5
_MAX_PAUSE = 5.0


class Revival:
    """Watches one child process; one that its owner ends on purpose has to be released before.

    Args:
        name: Names the child on the console.
        start: Starts the child again where it was, and returns it.
        explain: Returns what the child said last, where its log is and what to do, for the message of the end.
        report: Prints a warning on the console.
        give_up: Told once why the child is not started any more.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[ChildProcess]],
        explain: Callable[[], str],
        report: Callable[[str], None],
        give_up: Callable[[RunnerError], None],
    ) -> None:
        self._name = name
        self._start = start
        self._explain = explain
        self._report = report
        self._give_up = give_up
        self._started_at: deque[float] = deque(maxlen=MAX_STARTS)
        self._task: asyncio.Task[None] | None = None

    def watch(self, process: ChildProcess) -> None:
        """Start to watch a child that runs."""
        self._task = asyncio.create_task(self._keep_alive(process))

    async def release(self) -> None:
        """Watch the child no more; a start in progress is cancelled."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _keep_alive(self, process: ChildProcess) -> None:
        while True:
            reason = describe_exit_code(await wait_for_exit(process))
            self._report(f"{self._name} (pid {process.pid}) has ended ({reason}) and is started again")
            ended_at = time.monotonic()
            try:
                process = await self._start_again()
            except RunnerError as error:
                self._report(str(error))
                self._give_up(error)
                return
            self._report(f"{self._name} runs again (pid {process.pid}, {time.monotonic() - ended_at:.1f} s)")

    async def _start_again(self) -> ChildProcess:
        """Start the child until it runs.

        Raises:
            RunnerError: It was started as often as allowed, or its `start` says that there is no sense in it.
        """
        pause = 0.0
        while True:
            now = time.monotonic()
            if len(self._started_at) == MAX_STARTS and now - self._started_at[0] < PERIOD_SECONDS:
                raise RunnerError(
                    f"{self._name} was started {MAX_STARTS} times within {PERIOD_SECONDS:.0f} s and has ended each"
                    f" time: {self._explain()}"
                )
            self._started_at.append(now)
            await asyncio.sleep(pause)
            try:
                process = await self._start()
            except OSError as error:
                self._report(f"{self._name} cannot be started: {error}")
            else:
                if process.poll() is None:
                    return process
            pause = min(_MAX_PAUSE, 2 * pause or _FIRST_PAUSE)

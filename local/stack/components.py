"""The components that several commands need: data folder, supervisor, database, simulator.

Components stop in the reverse of the order in which they started.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from local.console import Console
from local.errors import RunnerError
from local.postgres.server import PostgresServer
from local.processes.run_lock import RunLock
from local.processes.supervisor import Supervisor
from local.settings import Settings
from local.stack.simulator_process import SimulatorProcess
from local.template.sam_template import Template

MIGRATION_HANDLER = "migrate.handler"
"""Handler of the function that migrates the databases."""

T = TypeVar("T")


class ComponentRunner(ABC):
    """Components on one event loop; a subclass starts those that its command needs in `_start_components`.

    Args:
        settings: Settings of the run.
        console: Where progress is printed.
    """

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self.console = console
        self.database_url = ""
        self.simulator_url: str | None = None
        self._exit_stack = AsyncExitStack()
        self._run_lock = RunLock(settings.data)
        self._postgres: PostgresServer | None = None
        self._simulator: SimulatorProcess | None = None
        self._start_task: asyncio.Task[Any] | None = None
        self._stop_lock = asyncio.Lock()
        self._failure: asyncio.Future[RunnerError] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Start the components; if one fails, stop those that have started.

        Raises:
            RunnerError: In one line, what failed.
        """
        self._start_task = asyncio.current_task()
        try:
            await self._start_components()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the components, also while `start` is in progress; may be called again."""
        start_task = self._start_task
        if start_task is not None and start_task is not asyncio.current_task() and not start_task.done():
            start_task.cancel()
            await asyncio.wait([start_task])
        async with self._stop_lock:
            await self._exit_stack.aclose()

    async def wait_for_failure(self) -> RunnerError:
        """Wait until a component has ended for good, for as long as the stack runs; return what to tell the person."""
        return await asyncio.shield(self._failure)

    def _fail(self, error: RunnerError) -> None:
        if not self._failure.done():
            self._failure.set_result(error)

    @abstractmethod
    async def _start_components(self) -> None: ...

    def _acquire_data_folder(self) -> None:
        """Create the data folder and acquire its run lock."""
        data = self.settings.data
        try:
            (data / "logs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunnerError(f"the data folder {data} cannot be made: {error.strerror}") from None
        self._run_lock.acquire()
        self._exit_stack.callback(self._run_lock.release)

    def _start_supervisor(self) -> None:
        """Start the supervisor with its reaper, which has to run before any child process does."""
        self._supervisor = Supervisor()
        self._exit_stack.push_async_callback(self._supervisor.close)

    async def _start_database(self) -> str:
        if self.settings.database_url is not None:
            # Loads psycopg, which a run with the embedded server does not need.
            from local.postgres.external_database import DatabaseMonitor, verify_database_connection

            url = self.settings.database_url
            await self._run_timed("database", asyncio.to_thread(verify_database_connection, url))
            monitor = DatabaseMonitor(url, self.console.warn)
            self._exit_stack.push_async_callback(monitor.stop)
            monitor.start()
            return url
        self._postgres = PostgresServer(self.settings.data, self._supervisor, self.console.warn, self._fail)
        self._exit_stack.push_async_callback(self._postgres.stop)
        url = await self._run_timed("Postgres", self._postgres.start())
        if self._postgres.location is not None and self._postgres.location.note:
            self.console.info(f"  {self._postgres.location.note}")
        return url

    async def _start_simulator(self, is_needed: bool) -> str | None:
        if not is_needed:
            return None
        self._simulator = SimulatorProcess(self.settings, self._supervisor, self.console.warn, self._fail)
        self._exit_stack.push_async_callback(self._simulator.stop)
        return await self._run_timed("simulator", self._simulator.start())

    async def _run_timed(self, name: str, awaitable: Awaitable[T]) -> T:
        started_at = time.monotonic()
        result = await awaitable
        self.console.report_component(name, time.monotonic() - started_at)
        return result


def find_migration_functions(template: Template) -> list[str]:
    """Return the names of the functions that migrate the databases."""
    return [name for name, function in template.functions.items() if function.handler == MIGRATION_HANDLER]

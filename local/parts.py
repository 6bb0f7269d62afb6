"""The parts that every command needs: the data folder, Postgres, the simulator; started in turn, stopped backwards."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from local.console import Console
from local.errors import RunnerError
from local.lock import RunLock
from local.postgres import Postgres
from local.processes import Warden
from local.settings import Settings, without_password
from local.simulator_process import Simulator
from local.template import Template

MIGRATE = "migrate.handler"
T = TypeVar("T")


class Parts(ABC):
    """What runs, on one event loop; a command says in `_start` which parts it wants."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self.console = console
        self.database_url = ""
        self.simulator_url: str | None = None
        self._exit = AsyncExitStack()
        self._lock = RunLock(settings.data)
        self._postgres: Postgres | None = None
        self._simulator: Simulator | None = None
        self._starting: asyncio.Task[Any] | None = None
        self._stopping = asyncio.Lock()

    async def start(self) -> None:
        """Bring everything up; what was started is stopped again if something fails.

        Raises:
            RunnerError: in one line, what is wrong.
        """
        self._starting = asyncio.current_task()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take everything down, also in the middle of coming up. May be called again."""
        starting = self._starting
        if starting is not None and starting is not asyncio.current_task() and not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
        async with self._stopping:
            await self._exit.aclose()

    @abstractmethod
    async def _start(self) -> None: ...

    def _hold(self) -> None:
        """Make the data folder and take it for this process."""
        data = self.settings.data
        try:
            (data / "logs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunnerError(f"the data folder {data} cannot be made: {error.strerror}") from None
        self._lock.acquire()
        self._exit.callback(self._lock.release)

    def _guard(self) -> None:
        """Start the warden, which has to be there before any child."""
        self._warden = Warden()
        self._exit.push_async_callback(self._warden.close)

    async def _database(self) -> str:
        if self.settings.database_url is not None:
            await self._timed("database", asyncio.to_thread(check_database, self.settings.database_url))
            return self.settings.database_url
        self._postgres = Postgres(self.settings.data, self._warden)
        self._exit.push_async_callback(self._postgres.stop)
        url = await self._timed("Postgres", self._postgres.start())
        if self._postgres.home is not None and self._postgres.home.note:
            self.console.say(f"  {self._postgres.home.note}")
        return url

    async def _simulators(self, needed: bool) -> str | None:
        if not needed:
            return None
        self._simulator = Simulator(self.settings, self._warden)
        self._exit.push_async_callback(self._simulator.stop)
        return await self._timed("simulator", self._simulator.start())

    async def _timed(self, name: str, work: Awaitable[T]) -> T:
        began = time.monotonic()
        result = await work
        self.console.part(name, time.monotonic() - began)
        return result


async def together(*works: Any) -> list[Any]:
    """gather that waits for the rest to be cancelled when one fails, so that nothing starts behind our back."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def migrations_of(template: Template) -> list[str]:
    """The names of the functions that migrate."""
    return [name for name, function in template.functions.items() if function.handler == MIGRATE]


def check_database(url: str) -> None:
    """Connect once.

    Raises:
        RunnerError: it cannot be reached; the message holds no password.
    """
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=5):
            return
    except (psycopg.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        # What libpq cannot take apart it quotes, and that may be a password.
        if not isinstance(error, psycopg.OperationalError) or "connection option" in reason:
            reason = "it is no address of a Postgres"
        raise RunnerError(f"the database {without_password(url)} cannot be reached: {reason}"[:400]) from None

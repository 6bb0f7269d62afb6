"""The developer's own Postgres, which `SERVICE_DATABASE_URL` names in place of the embedded one."""

import asyncio
from collections.abc import Callable

import psycopg

from local.errors import RunnerError
from local.settings import redact_database_url


def verify_database_connection(url: str) -> None:
    """Connect once.

    Args:
        url: A `postgresql://` address, with its password.

    Raises:
        RunnerError: The database cannot be reached; the message does not contain the password.
    """
    try:
        with psycopg.connect(url, connect_timeout=5):
            return
    except (psycopg.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        # libpq quotes what it cannot parse, and that may contain the password.
        if not isinstance(error, psycopg.OperationalError) or "connection option" in reason:
            reason = "it is no address of a Postgres"
        raise RunnerError(f"the database {redact_database_url(url)} cannot be reached: {reason}"[:400]) from None


class DatabaseMonitor:
    """Says once that the developer's database is lost, and once that it is back; nothing else is done about it.

    Args:
        url: Address of the database.
        report: Prints a warning on the console.
        interval: Seconds between two connections.
    """

    def __init__(self, url: str, report: Callable[[str], None], interval: float = 15.0) -> None:
        self._url = url
        self._report = report
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to look, in a task."""
        self._task = asyncio.create_task(self._look_repeatedly())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _look_repeatedly(self) -> None:
        is_lost = False
        while True:
            await asyncio.sleep(self._interval)
            try:
                await asyncio.to_thread(verify_database_connection, self._url)
            except RunnerError as error:
                if not is_lost:
                    self._report(str(error))
                is_lost = True
            else:
                if is_lost:
                    self._report(f"the database {redact_database_url(self._url)} is back")
                is_lost = False

"""Hearing what is told on a prompt's channel, on this process's own connection; `prompt_events` tells what comes there.

A pooler may swallow notifications and a server may take no LISTEN, so whoever follows looks again in any case.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from ..errors import PointsmanError
from . import connection
from .connection import Connection, run_in_transaction

__all__ = ["EventListener"]

T = TypeVar("T")


class EventListener:
    """Listens to one channel, again on each new connection. `close` it: who listens and does not read holds up all."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._connection: Connection | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the connection that listens is there."""
        return self._connection is not None and not self._connection.closed

    def listen(self) -> None:
        """Raises DatabaseUnavailable. A database that takes no LISTEN is not listened to."""

        def subscribe(db: Connection) -> Connection:
            db.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            return db

        try:
            self._connection = run_in_transaction(subscribe)
        except psycopg.Error:
            self._connection = run_in_transaction(lambda db: db)

    def query(self, fn: Callable[[Connection], T]) -> tuple[T, bool]:
        """Do `work` on the connection that listens, as `run` does; and whether that one is new.

        On a new one it is done after the LISTEN: what has come before it is read, what comes later is heard.
        """
        is_new = False
        while True:
            db, result = run_in_transaction(lambda db: (db, fn(db)))
            if db is self._connection:
                return result, is_new
            self.listen()
            is_new = True

    def read_notifications(self) -> list[dict[str, Any]]:
        """What has come and was not heard yet. Nothing where the connection is gone; `alive` tells then."""
        if self._connection is None:
            return []
        try:
            payloads = [note.payload for note in self._connection.notifies(timeout=0) if note.channel == self._channel]
        except psycopg.OperationalError:
            self._connection.close()
            return []
        return [json.loads(note) for note in payloads]

    async def wait(self, timeout: float) -> None:
        """Wait until something comes, or the connection breaks, or the time is over."""
        if self._connection is None or self._connection.closed:
            await asyncio.sleep(timeout)
            return
        loop, woken, socket = asyncio.get_running_loop(), asyncio.Event(), self._connection.fileno()
        loop.add_reader(socket, woken.set)
        try:
            async with asyncio.timeout(timeout):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(socket)

    def close(self) -> None:
        """Listen no more."""
        if not self.is_connected:
            return
        try:
            run_in_transaction(lambda db: db.execute("UNLISTEN *"))
        except (PointsmanError, psycopg.Error):
            connection.close()

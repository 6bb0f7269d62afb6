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
from .connection import Connection, run

__all__ = ["Listener"]

T = TypeVar("T")


class Listener:
    """Listens to one channel, again on each new connection. `close` it: who listens and does not read holds up all."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._on: Connection | None = None

    @property
    def alive(self) -> bool:
        """Whether the connection that listens is there."""
        return self._on is not None and not self._on.closed

    def listen(self) -> None:
        """Raises DatabaseUnavailable. A database that takes no LISTEN is not listened to."""

        def begin(db: Connection) -> Connection:
            db.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            return db

        try:
            self._on = run(begin)
        except psycopg.Error:
            self._on = run(lambda db: db)

    def read(self, work: Callable[[Connection], T]) -> tuple[T, bool]:
        """Do `work` on the connection that listens, as `run` does; and whether that one is new.

        On a new one it is done after the LISTEN: what has come before it is read, what comes later is heard.
        """
        new = False
        while True:
            db, found = run(lambda db: (db, work(db)))
            if db is self._on:
                return found, new
            self.listen()
            new = True

    def heard(self) -> list[dict[str, Any]]:
        """What has come and was not heard yet. Nothing where the connection is gone; `alive` tells then."""
        if self._on is None:
            return []
        try:
            notes = [note.payload for note in self._on.notifies(timeout=0) if note.channel == self._channel]
        except psycopg.OperationalError:
            self._on.close()
            return []
        return [json.loads(note) for note in notes]

    async def wait(self, seconds: float) -> None:
        """Wait until something comes, or the connection breaks, or the time is over."""
        if self._on is None or self._on.closed:
            await asyncio.sleep(seconds)
            return
        loop, woken, socket = asyncio.get_running_loop(), asyncio.Event(), self._on.fileno()
        loop.add_reader(socket, woken.set)
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(socket)

    def close(self) -> None:
        """Listen no more."""
        if not self.alive:
            return
        try:
            run(lambda db: db.execute("UNLISTEN *"))
        except (PointsmanError, psycopg.Error):
            connection.close()

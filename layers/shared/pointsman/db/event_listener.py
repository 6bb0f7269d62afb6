"""LISTEN on a channel of Postgres, on the process's own connection.

A pooler in front of the database may drop notifications, and may reject LISTEN. So notifications only shorten the wait:
callers poll in any case. Behind a transaction pooler, LISTEN would stay on a session that other clients use, so the
setting DATABASE_NOTIFICATIONS turns it off.
"""

import asyncio
import json
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg import sql

from ..errors import PointsmanError
from ..settings.database import load_uses_notifications
from . import connection
from .connection import Connection, run_statement

__all__ = ["EventListener"]

T = TypeVar("T")


class EventListener:
    """A subscription to one channel, renewed by `query` on each new connection.

    Close it, or use it as a context manager: the notifications of a session that listens and does not read them pile up
    in the queue of the whole database server (Postgres documentation, NOTIFY).

    Args:
        channel: The channel's name, at most 63 bytes.
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._is_listening = False
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_connected(self) -> bool:
        """Whether the connection that was subscribed is still open."""
        return self._connection is not None and not self._connection.closed

    def listen(self) -> None:
        """Subscribe the process's connection. Where LISTEN is rejected or turned off, no notification will arrive.

        Raises:
            InvalidSetting: The setting has a wrong value.
            DatabaseUnavailable: Postgres cannot be reached.
        """

        def subscribe(db: Connection) -> Connection:
            db.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            return db

        self._is_listening = load_uses_notifications()
        try:
            self._connection = run_statement(subscribe if self._is_listening else lambda db: db)
        except psycopg.Error:
            self._is_listening = False
            self._connection = run_statement(lambda db: db)

    def query(self, fn: Callable[[Connection], T]) -> tuple[T, bool]:
        """Run `fn(connection)`, which executes one statement, on the subscribed connection.

        After a reconnect it runs again, after the LISTEN: its result holds everything that was committed before, and
        notifications announce what is committed later.

        Returns:
            The result of `fn`, and whether the connection is a new one, so that notifications may have been lost.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        is_new = False
        while True:
            db, result = run_statement(lambda db: (db, fn(db)))
            if db is self._connection:
                return result, is_new
            self.listen()
            is_new = True

    def read_notifications(self) -> list[dict[str, Any]]:
        """Return the notifications that have arrived since the last call, decoded from JSON, without waiting.

        Empty if the connection is lost; `is_connected` is False then.
        """
        return [json.loads(payload) for payload in self._iterate_payloads(timeout=0)]

    def wait_for_payload(self, payload: str, timeout: float) -> None:
        """Block until this payload arrives on the channel, or the connection breaks, for at most `timeout` seconds."""
        if not self.is_connected:
            time.sleep(timeout)
            return
        for received in self._iterate_payloads(timeout):
            if received == payload:
                return

    async def wait(self, timeout: float) -> None:
        """Wait until a notification arrives or the connection breaks, for at most `timeout` seconds."""
        if self._connection is None or self._connection.closed:
            await asyncio.sleep(timeout)
            return
        loop, readable, socket = asyncio.get_running_loop(), asyncio.Event(), self._connection.fileno()
        loop.add_reader(socket, readable.set)
        try:
            async with asyncio.timeout(timeout):
                await readable.wait()
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(socket)

    def close(self) -> None:
        """Unsubscribe the connection. Never raises: a connection that cannot be unsubscribed is closed."""
        if not self.is_connected or not self._is_listening:
            return
        try:
            run_statement(lambda db: db.execute("UNLISTEN *"))
        except (PointsmanError, psycopg.Error):
            connection.close()

    def _iterate_payloads(self, timeout: float) -> Generator[str]:
        """Yield payloads of the channel as they arrive, for `timeout` seconds; close the connection if it breaks."""
        if self._connection is None:
            return
        try:
            for notification in self._connection.notifies(timeout=timeout):
                if notification.channel == self._channel:
                    yield notification.payload
        except psycopg.OperationalError:
            self._connection.close()

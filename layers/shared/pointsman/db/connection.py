"""The process's connection to Postgres, opened at first use, and transactions on it.

No pool: a sandbox serves one invocation at a time. No server-side prepared statements: the database may be behind a
pooler. No ping before each transaction: if the server has closed the connection while the sandbox was frozen, the
transaction fails with an OperationalError and runs once more on a new connection. It may then run twice, because the
response to a COMMIT can be lost too. If a connection is refused, the URL is read again: its password may be rotated.
Nothing is waited for beyond the invocation's deadline: a lock that another transaction holds, a server that hangs.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Concatenate, NoReturn, ParamSpec, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.rows import DictRow, dict_row

from .. import deadlines
from ..errors import DatabaseUnavailable
from ..metrics import emit_metrics
from ..settings.database import load_rotated_url, load_url
from .tls import complete_connection_string, explain_tls_failure

__all__ = ["Connection", "close", "get_database_time", "run_in_transaction", "run_statement"]

Connection = psycopg.Connection[DictRow]
P = ParamSpec("P")
T = TypeVar("T")

_CONNECT_TIMEOUT_SECONDS = 5
_MIN_CONNECT_SECONDS = 2
"""libpq waits no shorter."""
_CHECK_INTERVAL_SECONDS = 0.1
"""How often a wait looks whether the deadline is over."""
_CANCEL_TIMEOUT_SECONDS = 0.5
_connection: Connection | None = None


class _OutOfTime(psycopg.OperationalError):
    """The invocation's deadline is over."""


class _BoundedConnection(psycopg.Connection[DictRow]):
    """A connection that waits for the server no longer than the invocation's deadline.

    The client checks it: a pooler drops settings of the session, and `SET LOCAL statement_timeout` is a round trip.
    """

    def wait(self, gen: PQGen[T], interval: float = _CHECK_INTERVAL_SECONDS, timeout: float | None = None) -> T:
        return super().wait(self._watch(gen), interval, timeout)

    def _watch(self, gen: PQGen[T]) -> PQGen[T]:
        """Run `gen`, which is resumed at least every `interval`, until the deadline; then end query and connection."""
        try:
            state = next(gen)
            while True:
                ready = yield state
                if not ready and not deadlines.seconds_left_to_record():
                    self._give_up()
                state = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _give_up(self) -> NoReturn:
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=_CANCEL_TIMEOUT_SECONDS)
        self.close()
        raise _OutOfTime


def _get_connection() -> Connection:
    global _connection
    if _connection is None or _connection.closed:
        try:
            _connection = _open_connection()
        except _OutOfTime:
            raise
        except psycopg.OperationalError:
            emit_metrics({"DatabaseRefused": 1})
            raise
    return _connection


def _open_connection() -> Connection:
    url = load_url()
    try:
        return _connect(url)
    except _OutOfTime:
        raise
    except psycopg.OperationalError:
        # libpq does not tell a refused password from other failures, and a rotation may change the host too.
        rotated_url = load_rotated_url(url)
        if not rotated_url:
            raise
        return _connect(rotated_url)


def _connect(url: str) -> Connection:
    timeout = min(_CONNECT_TIMEOUT_SECONDS, deadlines.seconds_left_to_record())
    if timeout < _MIN_CONNECT_SECONDS:
        raise _OutOfTime
    connection = _BoundedConnection.connect(
        complete_connection_string(url),
        autocommit=True,
        prepare_threshold=None,
        row_factory=dict_row,
        connect_timeout=int(timeout),
        application_name="pointsman",
    )
    # What others commit while a lock is waited for must be visible afterwards, whatever the role's default level is.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


def close() -> None:
    """Close the process's connection. The next transaction opens a new one."""
    global _connection
    if _connection is not None:
        _connection.close()
        _connection = None


def run_in_transaction(fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `fn(connection, *args, **kwargs)` in one transaction, commit it, and return the result.

    `fn` must be safe to run twice: it runs once more on a new connection if a reused one turns out to be dead.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached. The message holds nothing of the connection string.
    """

    def run(connection: Connection) -> T:
        with connection.transaction():
            return fn(connection, *args, **kwargs)

    return _run_on_connection(run)


def run_statement(fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `fn(connection, *args, **kwargs)`, which executes one statement, and return the result.

    A statement is a transaction by itself. Without BEGIN and COMMIT it costs one round trip in place of three.

    Raises:
        DatabaseUnavailable: as `run_in_transaction` does.
    """
    return _run_on_connection(lambda connection: fn(connection, *args, **kwargs))


def _run_on_connection(run: Callable[[Connection], T]) -> T:
    """Call `run` with the process's connection, once more on a new one if it turns out to be dead."""
    reused = _connection is not None
    for is_last_attempt in (not reused, True):
        try:
            return run(_get_connection())
        except _OutOfTime:
            close()
            raise DatabaseUnavailable("The database did not answer in time") from None
        except psycopg.OperationalError as error:
            close()
            if is_last_attempt:
                reason = explain_tls_failure(error)
                raise DatabaseUnavailable(
                    f"The database cannot be reached: {reason}"
                    if reason
                    else f"The database cannot be reached or broke off ({type(error).__name__})"
                ) from None
    raise AssertionError("unreachable")


def get_database_time(connection: Connection) -> datetime:
    """Return the time of the database's clock, not that of the transaction's start."""
    row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
    assert row is not None
    return row["now"]

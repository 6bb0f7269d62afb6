"""Connections of a migration to its two databases, and the translation of their errors."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from ...errors import DatabaseUnavailable, MigrationFailed, PointsmanError
from ..tls import complete_connection_string, explain_tls_failure

__all__ = [
    "DATABASES_UNCHANGED",
    "LOCK_TIMEOUT",
    "MigrationConnection",
    "connect",
    "describe_error",
    "drop_columns",
    "list_columns",
    "translate_errors",
]

MigrationConnection = psycopg.Connection[tuple[object, ...]]

LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"
"""Limits the waits for locks in the current transaction: a waiting ALTER TABLE blocks all later users of the table."""

DATABASES_UNCHANGED = "both databases are as they were"
"""The end of error messages."""

_CONNECT_TIMEOUT_SECONDS = 5
_MAX_MESSAGE_LENGTH = 300


def connect(url: str, database_label: str) -> MigrationConnection:
    """Open a connection of its own. Its first statement begins a transaction.

    Args:
        url: The connection string or URI.
        database_label: What the error's message calls the database.

    Raises:
        DatabaseUnavailable: The database cannot be reached. The message has no text of libpq, which may quote the URL.
    """
    try:
        connection = psycopg.connect(
            complete_connection_string(url),
            prepare_threshold=None,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            application_name="pointsman-migrate",
            client_encoding="utf8",
        )
    except (psycopg.Error, ValueError) as error:
        reason = explain_tls_failure(error) if isinstance(error, psycopg.Error) else None
        problem = f": {reason}" if reason else f" ({type(error).__name__})"
        raise DatabaseUnavailable(f"{database_label} cannot be reached{problem}") from None
    # The role's default may be stricter: then commits of others during a wait for a lock would stay invisible.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


@contextmanager
def translate_errors(summary: str) -> Generator[None]:
    """Translate every failure of the block to MigrationFailed, with the summary and a safe description of the cause."""
    try:
        yield
    except MigrationFailed:
        raise
    except PointsmanError as error:
        raise MigrationFailed(f"{summary}: {error.message}") from None
    except psycopg.Error as error:
        raise MigrationFailed(f"{summary}: {describe_error(error)}") from None


def describe_error(error: psycopg.Error) -> str:
    """Return the message of Postgres without its detail, which quotes rows; for errors of the client only the class."""
    diagnostic = error.diag
    if not error.sqlstate or not diagnostic.message_primary:
        is_disconnected = isinstance(error, psycopg.OperationalError)
        return f"{'the database broke off' if is_disconnected else 'a value cannot be used'} ({type(error).__name__})"
    objects = {
        "table": diagnostic.table_name,
        "column": diagnostic.column_name,
        "constraint": diagnostic.constraint_name,
    }
    where = ", ".join(f"{kind} {name}" for kind, name in objects.items() if name)
    text = f"{error.sqlstate} {' '.join(diagnostic.message_primary.split())}"[:_MAX_MESSAGE_LENGTH]
    return f"{text} ({where})" if where else text


def list_columns(connection: MigrationConnection, table: str) -> frozenset[str]:
    """Return the columns of the table, found by the search path; empty if it does not exist."""
    # Not information_schema: it hides columns that the role may not read, and they would be treated as absent.
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        (table,),
    )
    return frozenset(str(name) for (name,) in rows)


def drop_columns(connection: MigrationConnection, table: str, names: Sequence[str]) -> None:
    """Drop these columns (at least one) in one statement, which fails if another database object depends on one."""
    clauses = [sql.SQL("DROP COLUMN IF EXISTS {}").format(sql.Identifier(name)) for name in names]
    statement = sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), sql.SQL(", ").join(clauses))
    connection.execute(statement)

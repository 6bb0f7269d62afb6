"""What a migration's two databases share: how they are reached, and what is told of a failure."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from ...errors import DatabaseUnavailable, MigrationFailed, PointsmanError

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
"""For the transaction that it is said in: who waits for a table's lock holds up everybody behind him."""
DATABASES_UNCHANGED = "both databases are as they were"

_CONNECT_TIMEOUT_SECONDS = 5
_MAX_MESSAGE_LENGTH = 300


def connect(url: str, database_label: str) -> MigrationConnection:
    """A connection of its own, not shared with the functions' statements. The first statement begins a transaction.

    Raises DatabaseUnavailable; no text of libpq's, which may quote the connection string.
    """
    try:
        connection = psycopg.connect(
            url,
            prepare_threshold=None,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            application_name="pointsman-migrate",
            client_encoding="utf8",
        )
    except (psycopg.Error, ValueError) as error:
        raise DatabaseUnavailable(f"{database_label} cannot be reached ({type(error).__name__})") from None
    # A role may have another default, under which what others commit while a lock is waited for would not be seen.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


@contextmanager
def translate_errors(summary: str) -> Generator[None]:
    """What the block cannot do becomes MigrationFailed: what failed, and why as far as it is safe to tell."""
    try:
        yield
    except MigrationFailed:
        raise
    except PointsmanError as error:
        raise MigrationFailed(f"{summary}: {error.message}") from None
    except psycopg.Error as error:
        raise MigrationFailed(f"{summary}: {describe_error(error)}") from None


def describe_error(error: psycopg.Error) -> str:
    """What Postgres says, without its detail, which quotes rows; of an error that is not its own, only the kind."""
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
    """The columns of a table that the search path leads to; none where it does not exist."""
    # Not information_schema, which hides a column from who may not read it: it would be taken for one without values.
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        (table,),
    )
    return frozenset(str(name) for (name,) in rows)


def drop_columns(connection: MigrationConnection, table: str, names: Sequence[str]) -> None:
    """Drop these columns, at least one, all or none; fails where something else of the database depends on one."""
    clauses = [sql.SQL("DROP COLUMN IF EXISTS {}").format(sql.Identifier(name)) for name in names]
    statement = sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), sql.SQL(", ").join(clauses))
    connection.execute(statement)

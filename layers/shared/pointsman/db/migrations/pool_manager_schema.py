"""The pool manager's table `instances`, in its own database, where an older installation kept data of instances."""

from dataclasses import dataclass, fields
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from .database import LOCK_TIMEOUT, MigrationConnection

__all__ = ["BACKFILLED_COLUMNS", "LEGACY_COLUMNS", "TABLE", "PoolRow", "begin_snapshot", "list_rows", "lock_table"]

TABLE = "instances"
"""The only table that is used here."""

BACKFILLED_COLUMNS = (
    "service_id",
    "deploy_status",
    "volume_id",
    "runtime_image",
    "openrouter_key_hash",
    "agentmail_inbox_id",
)
"""Columns whose values are copied to the services database."""
LEGACY_COLUMNS = (*BACKFILLED_COLUMNS, "gateway_token", "source_branch")
"""Columns that the pool manager does not need any more (contract, "Database")."""


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A row of `instances`. Empty values, and those of columns that the table lacks, are None."""

    id: str
    service_id: str | None
    url: str | None
    deploy_status: str | None
    runtime_image: str | None
    volume_id: str | None
    openrouter_key_hash: str | None
    agentmail_inbox_id: str | None
    created_at: datetime | None


def begin_snapshot(connection: MigrationConnection) -> None:
    """Begin a read-only transaction whose reads see one snapshot. Rolls back an open transaction."""
    connection.rollback()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute(LOCK_TIMEOUT)


def lock_table(connection: MigrationConnection) -> None:
    """Begin a transaction that blocks all access of others to the table. Rolls back an open transaction."""
    connection.rollback()
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.read_only = False
    connection.execute(LOCK_TIMEOUT)
    connection.execute("LOCK TABLE instances IN ACCESS EXCLUSIVE MODE")


def list_rows(connection: MigrationConnection, columns: frozenset[str]) -> list[PoolRow]:
    """Return all rows, also those without a service. `columns` are the columns that the table has."""
    expressions = [_column_expression(field.name, columns) for field in fields(PoolRow) if field.name != "id"]
    query = sql.SQL("SELECT id::text AS id, {} FROM instances ORDER BY 1").format(sql.SQL(", ").join(expressions))
    with connection.cursor(row_factory=class_row(PoolRow)) as cursor:
        return cursor.execute(query).fetchall()


def _column_expression(column: str, columns: frozenset[str]) -> sql.Composed:
    name = sql.Identifier(column)
    if column not in columns:
        return sql.SQL("NULL AS {}").format(name)
    if column == "created_at":
        return sql.SQL("{}::timestamptz AS {}").format(name, name)
    return sql.SQL("nullif({}::text, '') AS {}").format(name, name)

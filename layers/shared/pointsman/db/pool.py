"""The pool manager's table `instances`, in its own database: what an older installation kept there of an instance."""

from dataclasses import dataclass, fields
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from .migrating import LOCK_TIMEOUT, Connection

__all__ = ["BACKFILLED", "LEGACY", "TABLE", "PoolRow", "hold", "rows", "snapshot"]

TABLE = "instances"

BACKFILLED = (
    "service_id",
    "deploy_status",
    "volume_id",
    "runtime_image",
    "openrouter_key_hash",
    "agentmail_inbox_id",
)
"""Columns whose values the services database takes over."""
LEGACY = (*BACKFILLED, "gateway_token", "source_branch")
"""Columns that the pool manager needs no more (contract, "Database")."""


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A row of `instances`. What is empty there, or stands in a column that is not there, is None."""

    id: str
    service_id: str | None
    url: str | None
    deploy_status: str | None
    runtime_image: str | None
    volume_id: str | None
    openrouter_key_hash: str | None
    agentmail_inbox_id: str | None
    created_at: datetime | None


def snapshot(connection: Connection) -> None:
    """Let what is read from here on be of one moment, and nothing be written."""
    connection.rollback()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute(LOCK_TIMEOUT)


def hold(connection: Connection) -> None:
    """Let nobody else read or write the table until the end of the transaction that begins here."""
    connection.rollback()
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.read_only = False
    connection.execute(LOCK_TIMEOUT)
    connection.execute("LOCK TABLE instances IN ACCESS EXCLUSIVE MODE")


def rows(connection: Connection, present: frozenset[str]) -> list[PoolRow]:
    """All rows, those without a service too. `present` are the table's columns."""
    chosen = [_value(field.name, present) for field in fields(PoolRow) if field.name != "id"]
    query = sql.SQL("SELECT id::text AS id, {} FROM instances ORDER BY 1").format(sql.SQL(", ").join(chosen))
    with connection.cursor(row_factory=class_row(PoolRow)) as cursor:
        return cursor.execute(query).fetchall()


def _value(column: str, present: frozenset[str]) -> sql.Composed:
    name = sql.Identifier(column)
    if column not in present:
        return sql.SQL("NULL AS {}").format(name)
    if column == "created_at":
        return sql.SQL("{}::timestamptz AS {}").format(name, name)
    return sql.SQL("nullif({}::text, '') AS {}").format(name, name)

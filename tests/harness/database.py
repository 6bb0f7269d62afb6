"""The stack's Postgres: connections, rows that other tests left behind, sessions that wait for a lock, a restart."""

import threading
import time
import uuid
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from local.stack.stack import Stack

from .wait import wait_until

Database = psycopg.Connection[dict[str, Any]]

_restart_lock = threading.Lock()


def connect(url: str, autocommit: bool = True) -> Database:
    """Open a connection whose rows are dictionaries."""
    return Database.connect(url, autocommit=autocommit, row_factory=dict_row)


def fetch_row(stack: Stack, query: LiteralString, *values: object, timeout: float = 20) -> dict[str, Any] | None:
    """Fetch the first row of a query, also while the server is starting again; None where there is none."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            with connect(stack.database_url) as db:
                return db.execute(query, values).fetchone()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def restart_postgres(stack: Stack, pause: float = 0) -> None:
    """Stop the server as an operator would, which ends every connection, and start it again after `pause` seconds."""
    with _restart_lock:
        stack.restart_postgres(pause)


def reset_fleet_tables(db: Database) -> None:
    """Delete instances and settle operations that other tests left behind.

    A simulator that was reset does not know their resources, and hands out the same phone numbers again.
    """
    db.execute("DELETE FROM instance_infra")
    db.execute("UPDATE operation_resources SET state = 'deleted' WHERE state <> 'deleted'")
    db.execute("UPDATE operations SET status = 'failed' WHERE status IN ('running', 'leaked')")


def insert_completed_prompt(db: Database, user_id: str, conversation_id: str, text: str, minute: int = 0) -> str:
    """Insert a prompt as its end leaves it, created at 2026-02-03T04:00Z plus `minute`; returns its id."""
    prompt_id = f"prompt-{uuid.uuid4().hex}"
    db.execute(
        "INSERT INTO prompts (id, user_id, conversation_id, input, status, created_at)"
        " VALUES (%s, %s, %s, %s, 'completed', '2026-02-03T04:00:00Z'::timestamptz + make_interval(mins => %s))",
        (prompt_id, user_id, conversation_id, text, minute),
    )
    return prompt_id


def dump_tables(db: Database) -> dict[str, str]:
    """Every row of every table as text, by the table's name."""
    names = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {
        row["tablename"]: "\n".join(
            found["row"]
            for found in db.execute(SQL("SELECT t::text AS row FROM {} t").format(Identifier(row["tablename"])))
        )
        for row in names
    }


def wait_for_blocked_sessions(database_url: str, count: int = 1, timeout: float = 30) -> None:
    """Wait until at least `count` sessions of this database wait for a lock.

    Read on a connection of its own: a transaction sees one snapshot of the sessions.
    """
    query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with connect(database_url) as db:
        wait_until(lambda: db.execute(query).rowcount >= count, timeout, f"{count} sessions that wait for a lock")

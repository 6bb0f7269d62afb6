"""The tables `operations` and `operation_steps`: what was asked for, how far it is, how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from .connection import Connection
from .rows import fetch_all, fetch_one, to_json

__all__ = [
    "ENDED_CHANNEL",
    "INTERRUPTED_STEP_ERROR",
    "Operation",
    "OperationKind",
    "OperationStatus",
    "OperationStep",
    "begin_compensation",
    "begin_step",
    "end_step",
    "find_latest",
    "find_name_conflict",
    "find_running",
    "finish",
    "get",
    "insert",
    "list_steps",
    "list_unsettled",
    "restart",
    "settle_leaked",
]

OperationKind = Literal["create", "destroy", "provision", "destroy_tool"]
OperationStatus = Literal["running", "succeeded", "failed", "leaked"]
StepStatus = Literal["running", "succeeded", "skipped", "failed"]

ENDED_CHANNEL = "operation_ended"
"""The channel that tells the id of an operation when it ends."""

INTERRUPTED_STEP_ERROR = "cut off: its process ended or took too long"
"""What a step's error says when the step never told its own end."""

_COLUMNS = "id, instance_id, kind, status, undoing, restarts, request, result, error, created_at, updated_at"


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of `operations`. `result` and `error` are parts of the client's answer."""

    id: str
    instance_id: str
    kind: OperationKind
    status: OperationStatus
    undoing: bool
    restarts: int
    request: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OperationStep:
    """One row of `operation_steps`; a step that was tried again shows its last attempt."""

    name: str
    status: StepStatus
    error: str | None
    started_at: datetime
    ended_at: datetime | None


def find_name_conflict(connection: Connection, name: str, instance_id: str) -> str | None:
    """Return another instance whose service of this name exists, is being created, or is left from a failed operation.

    The caller holds the lock of the name (`locks.lock_service_name`).
    """
    row = connection.execute(
        "SELECT o.instance_id FROM operations o WHERE o.kind = 'create' AND o.request->>'name' = %s"
        " AND o.instance_id <> %s AND (o.status = 'running'"
        "  OR EXISTS (SELECT FROM instance_infra i WHERE i.provider_service_id = o.result->>'serviceId')"
        "  OR EXISTS (SELECT FROM operation_resources r WHERE r.operation_id = o.id AND r.kind = 'service'"
        "             AND r.state IN ('intended', 'created'))) LIMIT 1",
        (name, instance_id),
    ).fetchone()
    return row["instance_id"] if row else None


def insert(
    connection: Connection, operation_id: str, kind: OperationKind, instance_id: str, request: Mapping[str, object]
) -> None:
    connection.execute(
        "INSERT INTO operations (id, instance_id, kind, request) VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
        (operation_id, instance_id, kind, Jsonb(dict(request))),
    )


def get(connection: Connection, operation_id: str) -> Operation | None:
    return fetch_one(connection, Operation, f"SELECT {_COLUMNS} FROM operations WHERE id = %s", (operation_id,))


def find_running(connection: Connection, instance_id: str) -> Operation | None:
    """The operation that runs for this instance; there is one at most."""
    return fetch_one(
        connection,
        Operation,
        f"SELECT {_COLUMNS} FROM operations WHERE instance_id = %s AND status = 'running'",
        (instance_id,),
    )


def find_latest(connection: Connection, instance_id: str, kinds: Sequence[OperationKind]) -> Operation | None:
    """The newest operation of these kinds for this instance."""
    return fetch_one(
        connection,
        Operation,
        f"SELECT {_COLUMNS} FROM operations WHERE instance_id = %s AND kind = ANY(%s)"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        (instance_id, list(kinds)),
    )


def list_unsettled(connection: Connection) -> list[tuple[Operation, float]]:
    """Operations that run, or have left something behind, each with the seconds since something was last heard of it by
    the database's clock; the longest silent first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS}, extract(epoch FROM clock_timestamp() - updated_at)::float8 AS silent FROM operations"
        " WHERE status IN ('running', 'leaked') ORDER BY updated_at"
    ).fetchall()
    idle_seconds = [float(row.pop("silent")) for row in rows]
    return [(Operation(**row), seconds) for row, seconds in zip(rows, idle_seconds, strict=True)]


def restart(connection: Connection, expected: Operation) -> Operation | None:
    """Let the operation run once more, as a new execution. None if it is not as it was seen any more."""
    return fetch_one(
        connection,
        Operation,
        "UPDATE operations SET status = 'running', restarts = restarts + 1, updated_at = clock_timestamp()"
        " WHERE id = %s AND status = %s AND restarts = %s AND status IN ('running', 'leaked')"
        f" RETURNING {_COLUMNS}",
        (expected.id, expected.status, expected.restarts),
    )


def settle_leaked(connection: Connection, operation_id: str, error: Mapping[str, object]) -> None:
    """End an operation of which nothing is left that it should have deleted, or is to be."""
    connection.execute(
        "UPDATE operations SET status = 'failed', error = %s, updated_at = clock_timestamp()"
        " WHERE id = %s AND status = 'leaked'",
        (to_json(dict(error)), operation_id),
    )


def begin_compensation(connection: Connection, operation_id: str) -> Operation | None:
    """Turn the operation around: from now on it only undoes. None if it is not running any more.

    Waits for transactions that are writing an intent, so that nothing is begun behind the back of the undoing.
    """
    return fetch_one(
        connection,
        Operation,
        "UPDATE operations SET undoing = true, updated_at = clock_timestamp() WHERE id = %s AND status = 'running'"
        f" RETURNING {_COLUMNS}",
        (operation_id,),
    )


def finish(
    connection: Connection,
    operation_id: str,
    status: OperationStatus,
    *,
    final_step: str,
    result: Mapping[str, object] | None = None,
    error: Mapping[str, object] | None = None,
) -> bool:
    """End a running operation and its last step. False if it had ended already: the first end stands.

    Any other step that never ended was cut off with its process, and is shown so.
    """
    cursor = connection.execute(
        "UPDATE operations SET status = %s, result = %s, error = %s, updated_at = clock_timestamp()"
        " WHERE id = %s AND status = 'running'",
        (
            status,
            None if result is None else to_json(dict(result)),
            None if error is None else to_json(dict(error)),
            operation_id,
        ),
    )
    if cursor.rowcount == 0:
        return False
    connection.execute("SELECT pg_notify(%s, %s)", (ENDED_CHANNEL, operation_id))
    connection.execute(
        "UPDATE operation_steps SET ended_at = clock_timestamp(),"
        " status = CASE WHEN name = %(step)s THEN 'succeeded' ELSE 'failed' END,"
        " error = CASE WHEN name = %(step)s THEN error ELSE %(cut_off)s END"
        " WHERE operation_id = %(id)s AND status = 'running'",
        {"id": operation_id, "step": final_step, "cut_off": INTERRUPTED_STEP_ERROR},
    )
    return True


def begin_step(connection: Connection, operation_id: str, name: str) -> None:
    """Write down that a step's next attempt begins."""
    connection.execute(
        "INSERT INTO operation_steps (operation_id, name) VALUES (%s, %s)"
        " ON CONFLICT (operation_id, name) DO UPDATE SET status = 'running', error = NULL, ended_at = NULL",
        (operation_id, name),
    )
    connection.execute("UPDATE operations SET updated_at = clock_timestamp() WHERE id = %s", (operation_id,))


def end_step(
    connection: Connection, operation_id: str, name: str, status: StepStatus, error: str | None = None
) -> None:
    connection.execute(
        "UPDATE operation_steps SET status = %s, error = %s, ended_at = clock_timestamp()"
        " WHERE operation_id = %s AND name = %s",
        (status, error, operation_id, name),
    )
    connection.execute("UPDATE operations SET updated_at = clock_timestamp() WHERE id = %s", (operation_id,))


def list_steps(connection: Connection, operation_id: str) -> list[OperationStep]:
    """The steps begun so far, in that order."""
    return fetch_all(
        connection,
        OperationStep,
        "SELECT name, status, error, started_at, ended_at FROM operation_steps WHERE operation_id = %s"
        " ORDER BY started_at, name",
        (operation_id,),
    )

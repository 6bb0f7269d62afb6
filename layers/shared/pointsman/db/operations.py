"""The tables `operations` and `operation_steps`: requests that change an instance, their progress and their results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from ..actor import get_actor
from . import audit_log
from .connection import Connection
from .rows import fetch_all, fetch_one, to_json
from .webhook_outbox import emit_fleet_event

__all__ = [
    "COLUMNS",
    "ENDED_CHANNEL",
    "INTERRUPTED_STEP_ERROR",
    "Operation",
    "OperationKind",
    "OperationStatus",
    "OperationStep",
    "StepStatus",
    "audit_end",
    "begin_compensation",
    "end_step",
    "find_latest",
    "find_leaked_create",
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
"""The channel whose notifications are the ids of operations that have ended."""

INTERRUPTED_STEP_ERROR = "cut off: its process ended or took too long"
"""The `error` of a step whose process ended before it recorded a result."""

COLUMNS = "id, instance_id, kind, status, undoing, restarts, request, result, error, created_at, updated_at"
"""The columns of an `Operation`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of `operations`.

    `undoing` is True from the start of the compensation on. `restarts` counts the executions after the first. `request`
    is what the execution needs of the client's request; `result` and `error` are parts of the response.
    """

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
    """A row of `operation_steps`: the last attempt of a step, and the start of the first one."""

    name: str
    status: StepStatus
    error: str | None
    started_at: datetime
    ended_at: datetime | None


def find_name_conflict(connection: Connection, name: str, instance_id: str) -> str | None:
    """Return another instance whose service of this name exists, is being created, or remains of a failed operation.

    The caller holds the lock of the name (`locks.lock_service_name`).
    """
    # OFFSET 0 keeps the planner from hashing the whole fleet, and all open entries, for the few operations of a name.
    row = connection.execute(
        "SELECT o.instance_id FROM operations o WHERE o.kind = 'create' AND o.request->>'name' = %s"
        " AND o.instance_id <> %s AND (o.status = 'running'"
        "  OR EXISTS (SELECT FROM instance_infra i WHERE i.provider_service_id = o.result->>'serviceId' OFFSET 0)"
        "  OR EXISTS (SELECT FROM operation_resources r WHERE r.operation_id = o.id AND r.kind = 'service'"
        "             AND r.state IN ('intended', 'created') OFFSET 0)) LIMIT 1",
        (name, instance_id),
    ).fetchone()
    return row["instance_id"] if row else None


def insert(
    connection: Connection,
    operation_id: str,
    kind: OperationKind,
    instance_id: str,
    request: Mapping[str, object],
    audit_details: Mapping[str, str],
) -> None:
    """Insert a running operation of the current actor, unless one with this id exists.

    Args:
        connection: The connection of the transaction.
        operation_id: Its id.
        kind: What is done.
        instance_id: The instance.
        request: What the execution needs of the client's request, as JSON.
        audit_details: What the audit entry of its end tells besides, without secrets.
    """
    actor = get_actor()
    actor = actor._replace(details={**actor.details, **audit_details})
    connection.execute(
        "INSERT INTO operations (id, instance_id, kind, request, asked_by) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO NOTHING",
        (operation_id, instance_id, kind, Jsonb(dict(request)), audit_log.to_asked_by(actor)),
    )


def get(connection: Connection, operation_id: str) -> Operation | None:
    """Return the operation; None if it is unknown."""
    return fetch_one(connection, Operation, f"SELECT {COLUMNS} FROM operations WHERE id = %s", (operation_id,))


def find_running(connection: Connection, instance_id: str) -> Operation | None:
    """Return the instance's running operation; there is one at most (a unique index)."""
    return fetch_one(
        connection,
        Operation,
        f"SELECT {COLUMNS} FROM operations WHERE instance_id = %s AND status = 'running'",
        (instance_id,),
    )


def find_latest(connection: Connection, instance_id: str, kinds: Sequence[OperationKind]) -> Operation | None:
    """Return the instance's newest operation of these kinds."""
    return fetch_one(
        connection,
        Operation,
        f"SELECT {COLUMNS} FROM operations WHERE instance_id = %s AND kind = ANY(%s)"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        (instance_id, list(kinds)),
    )


def find_leaked_create(connection: Connection, instance_id: str, idle_seconds: float) -> Operation | None:
    """Return the instance's newest create that is leaked, and has been for so long; None if there is none."""
    return fetch_one(
        connection,
        Operation,
        f"SELECT {COLUMNS} FROM operations WHERE instance_id = %s AND kind = 'create' AND status = 'leaked'"
        " AND updated_at <= clock_timestamp() - make_interval(secs => %s) ORDER BY created_at DESC, id DESC LIMIT 1",
        (instance_id, idle_seconds),
    )


def list_unsettled(connection: Connection) -> list[tuple[Operation, float]]:
    """Return running and leaked operations, each with the seconds since its last progress, the longest first."""
    rows = connection.execute(
        f"SELECT {COLUMNS}, extract(epoch FROM clock_timestamp() - updated_at)::float8 AS idle_seconds FROM operations"
        " WHERE status IN ('running', 'leaked') ORDER BY updated_at"
    ).fetchall()
    idle_seconds = [float(row.pop("idle_seconds")) for row in rows]
    return [(Operation(**row), seconds) for row, seconds in zip(rows, idle_seconds, strict=True)]


def restart(connection: Connection, expected: Operation) -> Operation | None:
    """Set a running or leaked operation to running, with a new number for its next execution.

    Returns:
        The operation, or None if its status or number of restarts is not the expected one any more.
    """
    return fetch_one(
        connection,
        Operation,
        "UPDATE operations SET status = 'running', restarts = restarts + 1, updated_at = clock_timestamp()"
        " WHERE id = %s AND status = %s AND restarts = %s AND status IN ('running', 'leaked')"
        f" RETURNING {COLUMNS}",
        (expected.id, expected.status, expected.restarts),
    )


def settle_leaked(connection: Connection, operation_id: str, error: Mapping[str, object]) -> None:
    """Set a leaked operation to failed, because all resources that it left have been deleted or abandoned.

    The caller audits it: by an entry of its own, or by `audit_end`.
    """
    ended = connection.execute(
        "UPDATE operations SET status = 'failed', error = %s, updated_at = clock_timestamp()"
        " WHERE id = %s AND status = 'leaked' RETURNING id, instance_id, kind, status",
        (to_json(dict(error)), operation_id),
    ).fetchone()
    if ended is not None:
        _emit_end(connection, ended)


def _emit_end(connection: Connection, ended: Mapping[str, Any]) -> None:
    data = {"operationId": ended["id"], "instanceId": ended["instance_id"], "kind": ended["kind"]}
    match ended["status"]:
        case "succeeded":
            emit_fleet_event(connection, "operation.succeeded", {**data, "status": "succeeded"})
        case "leaked":
            emit_fleet_event(connection, "operation.leaked", {**data, "status": "leaked"})
        case _:
            emit_fleet_event(connection, "operation.failed", {**data, "status": "failed"})


def audit_end(connection: Connection, operation_id: str) -> None:
    """Add the audit entry of an operation that has ended in this transaction, for the one who asked for it."""
    connection.execute(
        "INSERT INTO audit_log (actor_kind, actor, address, user_agent, action, target_kind, target, outcome,"
        "  request_id, operation_id, details)"
        " SELECT coalesce(asked_by->>'kind', 'system'), coalesce(asked_by->>'id', 'unknown'),"
        "  coalesce(asked_by->>'address', ''), coalesce(asked_by->>'userAgent', ''),"
        "  CASE kind WHEN 'provision' THEN 'tool.provision' WHEN 'destroy_tool' THEN 'tool.destroy'"
        "   ELSE 'instance.' || kind END, 'instance', instance_id, status, coalesce(asked_by->>'requestId', ''), id,"
        "  coalesce(asked_by->'details', '{}') || jsonb_strip_nulls(jsonb_build_object("
        "   'name', request->'name', 'tools', request->'tools', 'limit', request->'limit',"
        "   'resourceId', left(request->>'resourceId', 256), 'restarts', nullif(restarts, 0),"
        "   'code', error->>'code', 'left', error->'left'))"
        " FROM operations WHERE id = %s",
        (operation_id,),
    )


def begin_compensation(connection: Connection, operation_id: str) -> Operation | None:
    """Begin the compensation: from now on no intent may be recorded. Return None if the operation has ended.

    Waits for transactions that are recording an intent (`journal.record_intent`), so that the compensation sees their
    entries.
    """
    return fetch_one(
        connection,
        Operation,
        "UPDATE operations SET undoing = true, updated_at = clock_timestamp() WHERE id = %s AND status = 'running'"
        f" RETURNING {COLUMNS}",
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
    """End a running operation and its last step, add the audit entry of its end, and notify ENDED_CHANNEL.

    Other steps that are still running lost their process, and get the status `failed`.

    Args:
        connection: The connection of the transaction.
        operation_id: The operation.
        status: The final status.
        final_step: The step that calls this; it succeeds.
        result: The result for the client, as JSON.
        error: The error for the client, as JSON.

    Returns:
        False if it had ended already; the first end is kept.
    """
    ended = connection.execute(
        "UPDATE operations SET status = %s, result = %s, error = %s, updated_at = clock_timestamp()"
        " WHERE id = %s AND status = 'running' RETURNING id, instance_id, kind, status",
        (
            status,
            None if result is None else to_json(dict(result)),
            None if error is None else to_json(dict(error)),
            operation_id,
        ),
    ).fetchone()
    if ended is None:
        return False
    _emit_end(connection, ended)
    audit_end(connection, operation_id)
    connection.execute("SELECT pg_notify(%s, %s)", (ENDED_CHANNEL, operation_id))
    connection.execute(
        "UPDATE operation_steps SET ended_at = clock_timestamp(),"
        " status = CASE WHEN name = %(step)s THEN 'succeeded' ELSE 'failed' END,"
        " error = CASE WHEN name = %(step)s THEN error ELSE %(interrupted)s END"
        " WHERE operation_id = %(id)s AND status = 'running'",
        {"id": operation_id, "step": final_step, "interrupted": INTERRUPTED_STEP_ERROR},
    )
    return True


def end_step(
    connection: Connection, operation_id: str, name: str, status: StepStatus, error: str | None = None
) -> None:
    """Record the end of a step's attempt, and progress of the operation, whose row is locked first."""
    connection.execute("UPDATE operations SET updated_at = clock_timestamp() WHERE id = %s", (operation_id,))
    connection.execute(
        "UPDATE operation_steps SET status = %s, error = %s, ended_at = clock_timestamp()"
        " WHERE operation_id = %s AND name = %s",
        (status, error, operation_id, name),
    )


def list_steps(connection: Connection, operation_id: str) -> list[OperationStep]:
    """Return the steps that have started, in the order of their first start."""
    return fetch_all(
        connection,
        OperationStep,
        "SELECT name, status, error, started_at, ended_at FROM operation_steps WHERE operation_id = %s"
        " ORDER BY started_at, name",
        (operation_id,),
    )

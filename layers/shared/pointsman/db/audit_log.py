"""The table `audit_log`: one row per change, written in the transaction of the change. Rows are only ever added.

An operation's row is written when it ends (`db.operations`), for the one who asked for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from psycopg.types.json import Jsonb

from ..actor import Actor, get_actor
from ..list_cursor import ListCursor
from .connection import Connection
from .rows import build_page_filter, fetch_all

__all__ = [
    "ACTIONS",
    "MIN_RETENTION_SECONDS",
    "Action",
    "AuditEntry",
    "AuditFilter",
    "Outcome",
    "TargetKind",
    "delete_past",
    "list_newest",
    "record",
    "to_asked_by",
]

Action = Literal[
    "instance.create",
    "instance.destroy",
    "instance.configure",
    "instance.redeploy",
    "tool.provision",
    "tool.destroy",
    "operation.retry",
    "operation.abandon",
    "approval.approve",
    "approval.reject",
    "prompt.cancel",
    "orphan.delete",
    "maintenance.on",
    "maintenance.off",
    "webhook.create",
    "webhook.update",
    "webhook.delete",
    "webhook.rotate_secret",
    "webhook.disable",
]
ACTIONS: tuple[str, ...] = get_args(Action)
"""What is audited."""

TargetKind = Literal["instance", "prompt", "resource", "service", "fleet", "webhook"]
Outcome = Literal["started", "succeeded", "failed", "leaked", "unknown", "skipped"]
"""How it went. `started`: an outcome follows in another row of the same request. `leaked`: it failed and something is
left. `unknown`: it may have happened. `skipped`: after the start it turned out that nothing was to be done."""

MIN_RETENTION_SECONDS = 30 * 86400.0
"""No entry that is younger can be deleted; the table's trigger knows the same number."""

_MAX_DETAILS_CHARS = 4000
_MAX_DELETED = 1000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A row of `audit_log`."""

    id: str
    at: datetime
    actor_kind: str
    actor: str
    address: str
    user_agent: str
    action: str
    target_kind: str
    target: str
    outcome: str
    request_id: str
    operation_id: str | None
    details: dict[str, Any]


class AuditFilter(NamedTuple):
    """What is listed: entries that fit all that is not None. `start` is included, `end` is not."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    start: datetime | None = None
    end: datetime | None = None


def record(
    connection: Connection,
    action: Action,
    target_kind: TargetKind,
    target: str,
    outcome: Outcome,
    *,
    operation_id: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Add an entry for the current actor.

    Args:
        connection: The connection of the transaction that makes the change.
        action: What is done.
        target_kind: What the target is.
        target: The id of what it is done to.
        outcome: How it went.
        operation_id: The operation that it belongs to.
        details: JSON without secrets. Over 4000 characters it is dropped, and the entry says so.
    """
    actor = get_actor()
    all_details: dict[str, object] = {**actor.details, **(details or {})}
    if len(json.dumps(all_details)) > _MAX_DETAILS_CHARS:
        all_details = {"truncated": True}
    connection.execute(
        "INSERT INTO audit_log (actor_kind, actor, address, user_agent, action, target_kind, target, outcome,"
        " request_id, operation_id, details) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            actor.kind, actor.id, actor.address, actor.user_agent, action, target_kind, target, outcome,
            actor.request_id, operation_id, Jsonb(all_details),
        ),
    )  # fmt: skip


def to_asked_by(actor: Actor) -> Jsonb:
    """Return the actor as the column `operations.asked_by` holds it."""
    return Jsonb(
        {
            "kind": actor.kind,
            "id": actor.id,
            "address": actor.address,
            "userAgent": actor.user_agent,
            "requestId": actor.request_id,
            "details": dict(actor.details),
        }
    )


def list_newest(connection: Connection, which: AuditFilter, before: ListCursor | None, limit: int) -> list[AuditEntry]:
    """Return the newest entries of the filter, the newest first.

    Args:
        connection: The connection of the transaction.
        which: The filter.
        before: The last entry of the page before; None for the first page.
        limit: How many entries at most.
    """
    where, parameters = build_page_filter(
        [
            ("actor = %s", which.actor),
            ("action = %s", which.action),
            ("target = %s", which.target),
            ("at >= %s", which.start),
            ("at < %s", which.end),
        ],
        "at, id",
        before,
    )
    return fetch_all(
        connection,
        AuditEntry,
        "SELECT id::text, at, actor_kind, actor, address, user_agent, action, target_kind, target, outcome, request_id,"
        f" operation_id, details FROM audit_log WHERE {where} ORDER BY at DESC, id DESC LIMIT %s",
        [*parameters, limit],
    )


def delete_past(connection: Connection, period: float) -> int:
    """Delete a batch of entries that are older than the period, in seconds; return how many.

    The table's trigger allows it for this transaction and for these rows, and never for one of the last 30 days.
    """
    connection.execute("SELECT set_config('pointsman.audit_retention_seconds', %s, true)", (repr(float(period)),))
    # An array: joined with a subselect, the planner would read the whole table.
    deleted = connection.execute(
        "DELETE FROM audit_log WHERE id = ANY(ARRAY(SELECT id FROM audit_log"
        " WHERE at < now() - make_interval(secs => %s) ORDER BY at LIMIT %s))",
        (max(period, MIN_RETENTION_SECONDS), _MAX_DELETED),
    ).rowcount
    connection.execute("SELECT set_config('pointsman.audit_retention_seconds', '', true)")
    return deleted

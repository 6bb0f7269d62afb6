"""The table `operation_resources`: the resource journal, with everything that may exist at a provider because of us.

An entry is committed before the call that creates the resource, and completed after it. So at every moment the open
entries of an instance name every resource that may exist for it, wherever a process has died.

    intended ──▶ created ──▶ deleted
        │  └───────────────▶ deleted    (found by its plan and deleted, or proven never to have been created)
        └──▶ refused                    (the provider rejected the call: nothing was created)

`intended` and `created` are the open states. An operator can abandon an open entry: it becomes `abandoned`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from psycopg.types.json import Jsonb

from ..errors import Conflict
from .connection import Connection
from .rows import fetch_all, fetch_one

__all__ = [
    "Entry",
    "EntrySummary",
    "ResourceKind",
    "ResourceState",
    "adopt_existing",
    "clear_env",
    "find_instances_using",
    "list_of_operation",
    "list_open_entries",
    "record_abandoned",
    "record_created",
    "record_deleted",
    "record_intent",
    "record_meta",
    "record_rejected",
    "record_unknown_outcome",
    "seconds_since_attempt",
]

ResourceKind = Literal["service", "volume", "domain", "tool"]
ResourceState = Literal["intended", "created", "refused", "deleted", "abandoned"]

_COLUMNS = (
    "id, operation_id, instance_id, provider, kind, plan, state, resource_id, env, meta, intended_at, attempted_at"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of `operation_resources`: a resource that may exist.

    `plan` holds what finds the resource without its id (its name, its reference). `env` is the environment variables
    that the deploy needs, and may hold secrets. `attempted_at` is the time of the last call that may have created it.
    """

    id: int
    operation_id: str
    instance_id: str
    provider: str
    kind: ResourceKind
    plan: dict[str, str]
    state: ResourceState
    resource_id: str | None
    env: dict[str, str] | None = field(repr=False)
    meta: dict[str, str]
    intended_at: datetime
    attempted_at: datetime


@dataclass(frozen=True, slots=True)
class EntrySummary:
    """What readers see of a row of `operation_resources`: neither plan nor variables."""

    provider: str
    kind: ResourceKind
    resource_id: str | None
    state: ResourceState
    attempted_at: datetime


def record_intent(
    connection: Connection, operation_id: str, provider: str, kind: ResourceKind, plan: Mapping[str, str]
) -> Entry:
    """Record that a resource is about to be created, for the first time or in a retry.

    Raises:
        Conflict: The operation has ended or is being compensated, so it may create nothing any more.
    """
    # The row lock orders this against `operations.begin_compensation`: a compensation sees this entry, or this fails.
    operation = connection.execute(
        "SELECT instance_id FROM operations WHERE id = %s AND status = 'running' AND NOT undoing FOR SHARE",
        (operation_id,),
    ).fetchone()
    if operation is None:
        raise Conflict(f"Operation {operation_id} is over or being undone; it makes nothing any more")
    entry = fetch_one(
        connection,
        Entry,
        "INSERT INTO operation_resources (operation_id, instance_id, provider, kind, plan) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (operation_id, provider, kind) DO UPDATE SET plan = EXCLUDED.plan, state = 'intended',"
        " intended_at = CASE WHEN operation_resources.state = 'intended' THEN operation_resources.intended_at"
        " ELSE clock_timestamp() END, attempted_at = clock_timestamp()"
        f" RETURNING {_COLUMNS}",
        (operation_id, operation["instance_id"], provider, kind, Jsonb(dict(plan))),
    )
    assert entry is not None
    return entry


def record_created(
    connection: Connection,
    entry: Entry,
    resource_id: str,
    *,
    env: Mapping[str, str] | None = None,
    meta: Mapping[str, str] | None = None,
) -> None:
    """Complete an entry: the resource exists and has this id.

    Raises:
        Conflict: A later attempt, or the compensation, has taken the entry over. It looks the resource up itself.
    """
    cursor = connection.execute(
        "UPDATE operation_resources SET state = 'created', resource_id = %s, env = %s, meta = %s"
        " WHERE id = %s AND state IN ('intended', 'created') AND attempted_at = %s",
        (resource_id, Jsonb(dict(env or {})), Jsonb(dict(meta or {})), entry.id, entry.attempted_at),
    )
    if cursor.rowcount == 0:
        raise Conflict(f"Another attempt has taken over the {entry.provider} {entry.kind} of {entry.operation_id}")


def record_meta(connection: Connection, entry: Entry) -> None:
    """Record the entry's `meta`, to which facts were added after the creation."""
    connection.execute("UPDATE operation_resources SET meta = %s WHERE id = %s", (Jsonb(entry.meta), entry.id))


def record_unknown_outcome(connection: Connection, entry: Entry) -> None:
    """Restart the settling time: the call had no response, and may take effect at the provider later."""
    connection.execute("UPDATE operation_resources SET attempted_at = clock_timestamp() WHERE id = %s", (entry.id,))


def record_rejected(connection: Connection, entry: Entry) -> None:
    """Close an entry: the provider rejected the call, nothing was created."""
    connection.execute("UPDATE operation_resources SET state = 'refused', env = NULL WHERE id = %s", (entry.id,))


def record_deleted(connection: Connection, entry: Entry, closed_by: str) -> None:
    """Close an entry: the resource does not exist any more. `closed_by` is the operation that established that."""
    connection.execute(
        "UPDATE operation_resources SET state = 'deleted', env = NULL, closed_by = %s WHERE id = %s",
        (closed_by, entry.id),
    )


def record_abandoned(connection: Connection, entry: Entry, closed_by: str) -> None:
    """Close an entry on an operator's request: the resource may exist, but is not ours to delete any more."""
    connection.execute(
        "UPDATE operation_resources SET state = 'abandoned', env = NULL, closed_by = %s WHERE id = %s",
        (closed_by, entry.id),
    )


def clear_env(connection: Connection, operation_id: str) -> None:
    """Delete the environment variables in the operation's entries. After the deploy nobody needs these secrets."""
    connection.execute("UPDATE operation_resources SET env = NULL WHERE operation_id = %s", (operation_id,))


def list_open_entries(connection: Connection, instance_id: str) -> list[Entry]:
    """Return the entries of all resources that may exist for this instance, newest first."""
    return fetch_all(
        connection,
        Entry,
        f"SELECT {_COLUMNS} FROM operation_resources WHERE instance_id = %s AND state IN ('intended', 'created')"
        " ORDER BY id DESC",
        (instance_id,),
    )


def list_of_operation(connection: Connection, operation_id: str) -> list[EntrySummary]:
    """Return the entries of all resources that the operation was to create, or has closed, the oldest first."""
    return fetch_all(
        connection,
        EntrySummary,
        "SELECT provider, kind, resource_id, state, attempted_at FROM operation_resources"
        " WHERE operation_id = %(id)s OR closed_by = %(id)s ORDER BY id",
        {"id": operation_id},
    )


def adopt_existing(
    connection: Connection,
    operation_id: str,
    instance_id: str,
    provider: str,
    kind: ResourceKind,
    resource_id: str,
    *,
    ignore_closed: bool = False,
) -> None:
    """Record a resource that an older program has created, so that it is deleted like any other.

    Does nothing if the instance has an entry for it; with `ignore_closed`, only an open entry counts.
    """
    connection.execute(
        "INSERT INTO operation_resources (operation_id, instance_id, provider, kind, plan, state, resource_id)"
        " SELECT %(operation)s, %(instance)s, %(provider)s, %(kind)s, '{}', 'created', %(resource)s WHERE NOT EXISTS"
        " (SELECT FROM operation_resources WHERE instance_id = %(instance)s AND provider = %(provider)s"
        "  AND kind = %(kind)s AND resource_id = %(resource)s"
        "  AND (state IN ('intended', 'created') OR NOT %(ignore_closed)s))"
        " ON CONFLICT (operation_id, provider, kind) DO NOTHING",
        {
            "operation": operation_id,
            "instance": instance_id,
            "provider": provider,
            "kind": kind,
            "resource": resource_id,
            "ignore_closed": ignore_closed,
        },
    )


def find_instances_using(connection: Connection, provider: str, resource_id: str) -> set[str]:
    """Return the ids of the instances with an open entry for this resource of a tool."""
    rows = connection.execute(
        "SELECT instance_id FROM operation_resources WHERE provider = %s AND kind = 'tool' AND resource_id = %s"
        " AND state IN ('intended', 'created')",
        (provider, resource_id),
    ).fetchall()
    return {row["instance_id"] for row in rows}


def seconds_since_attempt(connection: Connection, entry: Entry) -> float:
    """Return the seconds since the last call that may have created the resource, by the database's clock."""
    row = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - attempted_at)::float8 AS age FROM operation_resources"
        " WHERE id = %s",
        (entry.id,),
    ).fetchone()
    return float(row["age"]) if row else 0.0

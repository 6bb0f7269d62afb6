"""What the fleet's limits are compared with: instances, spending caps, and a caller's destroys of late.

The caller of each function holds the lock of what it counts (`db.locks`) until its transaction has inserted more.
"""

from .connection import Connection

__all__ = ["count_instances", "count_recent_destroys", "has_destroyed", "is_held", "record_hold", "sum_caps"]

_RECENT_DESTROYS = (
    "FROM operations WHERE kind = 'destroy' AND asked_by->>'kind' = %(kind)s AND asked_by->>'id' = %(id)s"
    " AND created_at > now() - make_interval(secs => %(seconds)s)"
)


def count_instances(connection: Connection, except_id: str) -> int:
    """Count the instances that exist, are being created, or have left something, without the one of this id."""
    row = connection.execute(
        "SELECT count(*) AS n FROM (SELECT instance_id FROM instance_infra"
        " UNION SELECT instance_id FROM operations WHERE kind = 'create' AND status IN ('running', 'leaked')) AS ids"
        " WHERE instance_id <> %s",
        (except_id,),
    ).fetchone()
    assert row is not None
    return row["n"]


def sum_caps(connection: Connection, default_cap: float) -> float:
    """Sum the spending caps, in USD, of the OpenRouter keys that exist, are being created, or were left behind.

    Args:
        connection: The connection of the transaction.
        default_cap: The cap of a key for which none is recorded.
    """
    row = connection.execute(
        "SELECT coalesce(sum(cap), 0)::float8 AS total FROM ("
        " SELECT CASE WHEN resource_meta->>'limit' ~ '^[0-9]{1,15}([.][0-9]{1,15})?$'"
        "   THEN (resource_meta->>'limit')::numeric ELSE %(default)s::numeric END AS cap"
        "  FROM instance_services WHERE tool_id = 'openrouter'"
        " UNION ALL SELECT coalesce((o.request->>'limit')::numeric, %(default)s::numeric) FROM operations o"
        "  WHERE o.kind IN ('create', 'provision') AND o.status IN ('running', 'leaked')"
        "   AND o.request->'tools' ? 'openrouter' AND NOT EXISTS (SELECT FROM instance_services s"
        "    WHERE s.instance_id = o.instance_id AND s.tool_id = 'openrouter')) AS caps",
        {"default": default_cap},
    ).fetchone()
    assert row is not None
    return row["total"]


def count_recent_destroys(connection: Connection, kind: str, caller: str, seconds: float) -> int:
    """Count the instances whose destroy this caller has started in so many seconds, without confirmed ones."""
    row = connection.execute(
        f"SELECT count(DISTINCT instance_id) AS n {_RECENT_DESTROYS}"
        " AND asked_by->'details'->>'confirmed' IS DISTINCT FROM 'true'",
        {"kind": kind, "id": caller, "seconds": seconds},
    ).fetchone()
    assert row is not None
    return row["n"]


def has_destroyed(connection: Connection, kind: str, caller: str, seconds: float, instance_id: str) -> bool:
    """Whether this caller has started to destroy this instance in so many seconds."""
    row = connection.execute(
        f"SELECT 1 {_RECENT_DESTROYS} AND instance_id = %(instance)s LIMIT 1",
        {"kind": kind, "id": caller, "seconds": seconds, "instance": instance_id},
    ).fetchone()
    return row is not None


def is_held(connection: Connection, kind: str, caller: str, seconds: float, max_count: int) -> bool:
    """Whether a destroy of this caller was held in so many seconds, under the same limit."""
    row = connection.execute(
        "SELECT 1 FROM destroy_holds WHERE kind = %s AND caller = %s AND max_count = %s"
        " AND held_at > now() - make_interval(secs => %s)",
        (kind, caller, max_count, seconds),
    ).fetchone()
    return row is not None


def record_hold(connection: Connection, kind: str, caller: str, max_count: int) -> None:
    """Record that a destroy of this caller is held now, under this limit."""
    connection.execute(
        "INSERT INTO destroy_holds (kind, caller, max_count) VALUES (%s, %s, %s)"
        " ON CONFLICT (kind, caller) DO UPDATE SET max_count = excluded.max_count, held_at = clock_timestamp()",
        (kind, caller, max_count),
    )

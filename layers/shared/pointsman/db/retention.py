"""The deletion of rows that ended long ago, in batches: conversations, prompts, and operations with their journal.

Each function deletes one batch, so that a transaction holds few locks for a short time. Rows that another transaction
has locked are left for the next run. Periods are in seconds.
"""

from datetime import datetime
from typing import NamedTuple

from .connection import Connection

__all__ = [
    "OperationBatch",
    "OperationCursor",
    "delete_ended_prompts",
    "delete_idle_conversations",
    "delete_past_operations",
    "delete_token_usage",
]

_MAX_CONVERSATIONS = 50
_MAX_PROMPTS = 100
_MAX_PROMPT_ROWS = 5000
"""Events and items that a batch of prompts deletes, unless its first prompt alone has more."""

_MAX_OPERATIONS = 200
_MAX_USAGE_ROWS = 5000


class OperationCursor(NamedTuple):
    """Where the next batch of operations begins: after this one, by its last change and its id."""

    updated_at: datetime
    id: str


class OperationBatch(NamedTuple):
    """How many operations a batch deleted, and where the next one begins; None if there is none."""

    deleted: int
    next: OperationCursor | None


def delete_idle_conversations(connection: Connection, period: float) -> int:
    """Delete conversations that nobody has used for the period, and detach their prompts; return how many.

    One with an active prompt stays.
    """
    # FOR UPDATE looks at the row again once it is locked: a submission since then has locked and touched it.
    return connection.execute(
        "WITH idle AS (SELECT id FROM conversations AS c WHERE updated_at < now() - make_interval(secs => %s)"
        "  AND NOT EXISTS (SELECT FROM prompts p WHERE p.conversation_id = c.id AND p.status IN ('running', 'waiting'))"
        "  ORDER BY updated_at LIMIT %s FOR UPDATE SKIP LOCKED)"
        " DELETE FROM conversations USING idle WHERE conversations.id = idle.id",
        (period, _MAX_CONVERSATIONS),
    ).rowcount


def delete_ended_prompts(connection: Connection, period: float) -> int:
    """Delete prompts that ended before the period, with all their rows; return how many.

    Those of a conversation in use go too, which would grow for ever otherwise; a model is sent the newest only.
    """
    return connection.execute(
        "WITH ended AS (SELECT id, updated_at FROM prompts"
        "   WHERE status IN ('completed', 'failed', 'cancelled') AND updated_at < now() - make_interval(secs => %s)"
        "  ORDER BY updated_at LIMIT %s FOR UPDATE SKIP LOCKED),"
        " sized AS (SELECT id, updated_at,"
        "   coalesce((SELECT max(seq) FROM prompt_events e WHERE e.prompt_id = ended.id), 0)"
        "   + coalesce((SELECT max(seq) FROM prompt_items i WHERE i.prompt_id = ended.id), 0) AS size FROM ended),"
        " summed AS (SELECT id, size, sum(size) OVER (ORDER BY updated_at, id) AS total FROM sized)"
        " DELETE FROM prompts USING summed WHERE prompts.id = summed.id AND (total <= %s OR total = size)",
        (period, _MAX_PROMPTS, _MAX_PROMPT_ROWS),
    ).rowcount


def delete_token_usage(connection: Connection, period: float) -> int:
    """Delete the tokens of days that ended before the period; return of how many users and days."""
    return connection.execute(
        "WITH past AS (SELECT day, user_id FROM token_usage"
        "  WHERE day < (now() AT TIME ZONE 'UTC' - make_interval(secs => %s))::date - 1 LIMIT %s)"
        " DELETE FROM token_usage USING past WHERE token_usage.day = past.day AND token_usage.user_id = past.user_id",
        (period, _MAX_USAGE_ROWS),
    ).rowcount


def delete_past_operations(connection: Connection, period: float, after: OperationCursor | None) -> OperationBatch:
    """Delete ended operations of instances that are past, with their steps and journal entries.

    An instance is past if it has no row, no journal entry that is open or abandoned, no running or leaked operation and
    none within the period, and if no idempotency key has one of its operations. Until then all its operations stay: a
    repeated create is answered from them, a destroy continues them, and names are compared with theirs.

    Args:
        connection: The connection of the transaction.
        period: The period in seconds.
        after: Where the batch begins, the oldest operation by default.
    """
    rows = connection.execute(
        "SELECT id, instance_id, updated_at FROM operations WHERE status IN ('succeeded', 'failed')"
        " AND updated_at < now() - make_interval(secs => %s) AND (updated_at, id) > (%s, %s)"
        " ORDER BY updated_at, id LIMIT %s FOR UPDATE SKIP LOCKED",
        (period, after.updated_at if after else "-infinity", after.id if after else "", _MAX_OPERATIONS),
    ).fetchall()
    if not rows:
        return OperationBatch(0, None)
    operation_ids = [
        row["id"]
        for row in connection.execute(
            f"SELECT o.id FROM operations o WHERE o.instance_id = ANY(%s) AND {_IS_PAST}",
            (sorted({row["instance_id"] for row in rows}), period),
        )
    ]
    connection.execute("DELETE FROM operation_resources WHERE operation_id = ANY(%s)", (operation_ids,))
    deleted = connection.execute("DELETE FROM operations WHERE id = ANY(%s)", (operation_ids,)).rowcount
    return OperationBatch(deleted, OperationCursor(rows[-1]["updated_at"], rows[-1]["id"]))


_IS_PAST = (
    "NOT EXISTS (SELECT FROM instance_infra i WHERE i.instance_id = o.instance_id OFFSET 0)"
    " AND NOT EXISTS (SELECT FROM operations other WHERE other.instance_id = o.instance_id"
    "  AND (other.status IN ('running', 'leaked') OR other.updated_at >= now() - make_interval(secs => %s)))"
    " AND NOT EXISTS (SELECT FROM operation_resources r WHERE r.instance_id = o.instance_id"
    "  AND r.state IN ('intended', 'created', 'abandoned'))"
    " AND NOT EXISTS (SELECT FROM operations other JOIN idempotency_keys k ON k.operation_id = other.id"
    "  WHERE other.instance_id = o.instance_id)"
    " AND NOT EXISTS (SELECT FROM operations other JOIN operation_resources r ON r.closed_by = other.id"
    "  WHERE other.instance_id = o.instance_id AND r.instance_id <> o.instance_id)"
)
"""Whether the instance of operation `o` is past; the parameter is the period. OFFSET 0 prevents a scan of the fleet."""

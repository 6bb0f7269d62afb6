"""The table `webhook_deliveries`: a message to one webhook, and its attempts.

pending ─▶ delivered          An attempt claims the row: its next attempt is set to the lease's end, and the attempt is
   │  ▲                       counted. If the process dies before it records the outcome, the lease runs out and the
   ▼  │                       message is sent again, under the same id.
 failed ─▶ pending (replay)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ..list_cursor import ListCursor
from .connection import Connection
from .rows import build_page_filter, fetch_all, fetch_one
from .webhook_outbox import WebhookEvent, format_body

__all__ = [
    "RETENTION_DAYS",
    "ClaimedDelivery",
    "Delivery",
    "DeliveryStatus",
    "claim_due",
    "count_recent_tests",
    "count_waiting",
    "delete_ended",
    "fail_pending",
    "get",
    "insert_test",
    "list_newest",
    "record_failure",
    "record_success",
    "replay",
]

DeliveryStatus = Literal["pending", "delivered", "failed"]

RETENTION_DAYS = 30
"""How long a delivery is kept after it was delivered or has failed."""

_LEASE_SECONDS = 60.0
"""Longer than an attempt takes, with what records it."""
_MAX_DELETED = 1000

_COLUMNS = (
    "id, webhook_id, type, status, attempts, response_status, error,"
    " CASE WHEN status = 'pending' THEN next_attempt_at END AS next_attempt_at, created_at, updated_at"
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of `webhook_deliveries` as its owner sees it.

    Attributes:
        id: The header `webhook-id` of every attempt.
        response_status: The status of the last attempt's response; None without a response.
        error: Why the last attempt failed; None if none has.
        next_attempt_at: When it is tried at the earliest; None once it has ended.
    """

    id: str
    webhook_id: str
    type: str
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: str | None
    next_attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this process attempts now, and what it needs of the webhook.

    Attributes:
        claim: Identifies the attempt; its outcome is recorded only while no other attempt has claimed the row.
        attempts: Which attempt it is, from 1.
        has_previous_version: Whether the secret before the last rotation signs too.
    """

    id: str
    claim: str
    attempts: int
    body: str = field(repr=False)
    webhook_id: str
    owner: str
    url: str = field(repr=False)
    secret_version: int
    has_previous_version: bool


def get(connection: Connection, delivery_id: str, webhook_id: str) -> Delivery | None:
    """Return the webhook's delivery; None if it has none of this id."""
    query = f"SELECT {_COLUMNS} FROM webhook_deliveries WHERE id = %s AND webhook_id = %s"
    return fetch_one(connection, Delivery, query, (delivery_id, webhook_id))


def list_newest(
    connection: Connection, webhook_id: str, status: DeliveryStatus | None, after: ListCursor | None, limit: int
) -> list[Delivery]:
    """Return the webhook's deliveries of a status, or of any, the newest first, after a place in the list."""
    where, parameters = build_page_filter(
        [("webhook_id = %s", webhook_id), ("status = %s", status)], "created_at, id", after
    )
    query = f"SELECT {_COLUMNS} FROM webhook_deliveries WHERE {where} ORDER BY created_at DESC, id DESC LIMIT %s"
    return fetch_all(connection, Delivery, query, [*parameters, limit])


def insert_test(connection: Connection, delivery_id: str, webhook_id: str) -> None:
    """Insert a delivery of `webhook.test`."""
    event: WebhookEvent = "webhook.test"
    connection.execute(
        "INSERT INTO webhook_deliveries (id, webhook_id, type, body) VALUES (%s, %s, %s, %s)",
        (delivery_id, webhook_id, event, format_body(event, {"webhookId": webhook_id})),
    )


def count_recent_tests(connection: Connection, webhook_id: str) -> int:
    """Return how many tests of the last minute the webhook has."""
    row = connection.execute(
        "SELECT count(*) AS count FROM webhook_deliveries WHERE webhook_id = %s AND type = 'webhook.test'"
        " AND created_at > statement_timestamp() - interval '1 minute'",
        (webhook_id,),
    ).fetchone()
    assert row is not None
    return row["count"]


def replay(connection: Connection, delivery_id: str, webhook_id: str) -> bool:
    """Let a delivery be sent anew, at once and with all its attempts; False if the webhook has none of this id."""
    return (
        connection.execute(
            "UPDATE webhook_deliveries SET status = 'pending', attempts = 0, claim = NULL, response_status = NULL,"
            " error = NULL, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()"
            " WHERE id = %s AND webhook_id = %s",
            (delivery_id, webhook_id),
        ).rowcount
        == 1
    )


def claim_due(
    connection: Connection,
    claim: str,
    limit: int,
    *,
    per_webhook: int,
    per_owner: int,
    except_webhooks: Sequence[str],
    except_owners: Sequence[str],
) -> list[ClaimedDelivery]:
    """Claim deliveries that are due, the longest due first, so that no other process attempts them meanwhile.

    Args:
        connection: The connection of the transaction.
        claim: A new id of the attempts.
        limit: How many at most.
        per_webhook: How many of one webhook at most.
        per_owner: How many of one owner's webhooks at most.
        except_webhooks: Webhooks of which none is claimed.
        except_owners: Owners of whom none is claimed.
    """
    return fetch_all(
        connection,
        ClaimedDelivery,
        "WITH targets AS (SELECT w.* FROM webhooks w WHERE w.is_enabled AND w.id <> ALL(%(webhooks)s)"
        "   AND w.owner <> ALL(%(owners)s) AND w.id IN (SELECT webhook_id FROM webhook_deliveries"
        "    WHERE status = 'pending' AND next_attempt_at <= statement_timestamp())),"
        " locked AS (SELECT d.id, d.next_attempt_at, t.owner FROM targets t CROSS JOIN LATERAL"
        "   (SELECT id, next_attempt_at FROM webhook_deliveries WHERE webhook_id = t.id AND status = 'pending'"
        "     AND next_attempt_at <= statement_timestamp() ORDER BY next_attempt_at LIMIT %(per_webhook)s"
        "     FOR UPDATE SKIP LOCKED) d),"
        " ranked AS (SELECT id, next_attempt_at,"
        "   row_number() OVER (PARTITION BY owner ORDER BY next_attempt_at) AS rank FROM locked),"
        " due AS (SELECT id FROM ranked WHERE rank <= %(per_owner)s ORDER BY next_attempt_at LIMIT %(limit)s)"
        " UPDATE webhook_deliveries d SET claim = %(claim)s, attempts = attempts + 1,"
        "  next_attempt_at = clock_timestamp() + make_interval(secs => %(lease)s), updated_at = clock_timestamp()"
        " FROM due, targets w WHERE d.id = due.id AND w.id = d.webhook_id"
        " RETURNING d.id, d.claim, d.attempts, d.body, d.webhook_id, w.owner, w.url, w.secret_version,"
        "  coalesce(w.previous_secret_until > statement_timestamp(), false) AS has_previous_version",
        {
            "claim": claim, "limit": limit, "per_webhook": per_webhook, "per_owner": per_owner,
            "webhooks": list(except_webhooks), "owners": list(except_owners), "lease": _LEASE_SECONDS,
        },
    )  # fmt: skip


def record_success(connection: Connection, claimed: ClaimedDelivery, response_status: int) -> bool:
    """Record that the attempt succeeded; False if it is not the delivery's last one any more."""
    is_recorded = _record(connection, claimed, "delivered", response_status, None, 0)
    if is_recorded:
        connection.execute(
            "UPDATE webhooks SET failing_since = NULL WHERE id = %s AND failing_since IS NOT NULL",
            (claimed.webhook_id,),
        )
    return is_recorded


def record_failure(
    connection: Connection,
    claimed: ClaimedDelivery,
    response_status: int | None,
    error: str,
    retry_after_seconds: float | None,
) -> bool:
    """Record that the attempt failed, and since when the webhook has been failing.

    Args:
        connection: The connection of the transaction, which has locked the webhook.
        claimed: The attempt.
        response_status: The status of the response; None without one.
        error: Why it failed, for the webhook's owner.
        retry_after_seconds: When the next attempt is due; None if there is none, and the delivery has failed.

    Returns:
        False if it is not the delivery's last attempt any more.
    """
    status: DeliveryStatus = "failed" if retry_after_seconds is None else "pending"
    is_recorded = _record(connection, claimed, status, response_status, error, retry_after_seconds or 0)
    if is_recorded:
        connection.execute(
            "UPDATE webhooks SET failing_since = coalesce(failing_since, clock_timestamp()) WHERE id = %s",
            (claimed.webhook_id,),
        )
    return is_recorded


def _record(
    connection: Connection,
    claimed: ClaimedDelivery,
    status: DeliveryStatus,
    response_status: int | None,
    error: str | None,
    due_in_seconds: float,
) -> bool:
    return (
        connection.execute(
            "UPDATE webhook_deliveries SET status = %s, claim = NULL, response_status = %s, error = %s,"
            " next_attempt_at = clock_timestamp() + make_interval(secs => %s), updated_at = clock_timestamp()"
            " WHERE id = %s AND claim = %s AND status = 'pending'",
            (status, response_status, error, due_in_seconds, claimed.id, claimed.claim),
        ).rowcount
        == 1
    )


def fail_pending(connection: Connection, webhook_id: str, error: str) -> None:
    """End all pending deliveries of a locked webhook, which is disabled now."""
    connection.execute(
        "UPDATE webhook_deliveries SET status = 'failed', claim = NULL, error = %s, updated_at = clock_timestamp()"
        " WHERE webhook_id = %s AND status = 'pending'",
        (error, webhook_id),
    )


def count_waiting(connection: Connection) -> tuple[int, float]:
    """Return how many deliveries are due, and for how many seconds the oldest of them has been, 0 without one."""
    row = connection.execute(
        "SELECT count(*) AS count,"
        " coalesce(max(extract(epoch FROM statement_timestamp() - next_attempt_at)), 0)::float8 AS seconds"
        " FROM webhook_deliveries WHERE status = 'pending' AND next_attempt_at <= statement_timestamp()"
    ).fetchone()
    assert row is not None
    return row["count"], row["seconds"]


def delete_ended(connection: Connection) -> int:
    """Delete a batch of deliveries that ended longer ago than they are kept; return how many."""
    return connection.execute(
        "DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(SELECT id FROM webhook_deliveries"
        " WHERE status <> 'pending' AND updated_at < now() - make_interval(days => %s) ORDER BY updated_at LIMIT %s"
        " FOR UPDATE SKIP LOCKED))",
        (RETENTION_DAYS, _MAX_DELETED),
    ).rowcount

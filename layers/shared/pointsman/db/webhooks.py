"""The table `webhooks`: who wants to hear of what, and where. No secret is stored: `webhooks.signatures` derives them.

Lock order: a webhook first, then its deliveries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..list_cursor import ListCursor
from .connection import Connection
from .rows import build_page_filter, fetch_all, fetch_one

__all__ = [
    "PREVIOUS_SECRET_HOURS",
    "Webhook",
    "count",
    "delete",
    "get",
    "insert",
    "list_newest",
    "lock_for_update",
    "mark_disabled",
    "rotate_secret",
    "update",
]

PREVIOUS_SECRET_HOURS = 24
"""How long the secret before a rotation signs too."""

_COLUMNS = (
    "id, owner, url, events, description, is_enabled, disabled_reason, secret_version, previous_secret_until,"
    " failing_since, created_at, updated_at"
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A row of `webhooks`.

    Attributes:
        owner: `webhook_outbox.FLEET`, or a user's.
        events: The types of events that it wants.
        disabled_reason: Why it was disabled, if not by its owner.
        secret_version: Counts the rotations, from 1.
        previous_secret_until: Until when the secret before signs too; None without a rotation.
        failing_since: When the first attempt failed after which none succeeded; None if the last one succeeded.
    """

    id: str
    owner: str
    url: str
    events: list[str]
    description: str | None
    is_enabled: bool
    disabled_reason: str | None
    secret_version: int
    previous_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime


def insert(
    connection: Connection, webhook_id: str, owner: str, url: str, events: Sequence[str], description: str | None
) -> Webhook:
    """Insert a webhook, which is enabled."""
    webhook = fetch_one(
        connection,
        Webhook,
        f"INSERT INTO webhooks (id, owner, url, events, description) VALUES (%s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        (webhook_id, owner, url, list(events), description),
    )
    assert webhook is not None
    return webhook


def get(connection: Connection, webhook_id: str, owner: str) -> Webhook | None:
    """Return the owner's webhook; None if it is unknown or another's."""
    query = f"SELECT {_COLUMNS} FROM webhooks WHERE id = %s AND owner = %s"
    return fetch_one(connection, Webhook, query, (webhook_id, owner))


def lock_for_update(connection: Connection, webhook_id: str, owner: str | None = None) -> Webhook | None:
    """Lock a webhook, of this owner or of any; None if there is none.

    Events that are written meanwhile do not wait: their foreign key needs the row's id only.
    """
    return fetch_one(
        connection,
        Webhook,
        f"SELECT {_COLUMNS} FROM webhooks WHERE id = %s AND owner = coalesce(%s, owner) FOR NO KEY UPDATE",
        (webhook_id, owner),
    )


def count(connection: Connection, owner: str) -> int:
    """Return how many webhooks the owner has."""
    row = connection.execute("SELECT count(*) AS count FROM webhooks WHERE owner = %s", (owner,)).fetchone()
    assert row is not None
    return row["count"]


def list_newest(connection: Connection, owner: str, after: ListCursor | None, limit: int) -> list[Webhook]:
    """Return the owner's webhooks, the newest first, after a place in the list."""
    where, parameters = build_page_filter([("owner = %s", owner)], "created_at, id", after)
    query = f"SELECT {_COLUMNS} FROM webhooks WHERE {where} ORDER BY created_at DESC, id DESC LIMIT %s"
    return fetch_all(connection, Webhook, query, [*parameters, limit])


def update(
    connection: Connection, webhook: Webhook, url: str, events: Sequence[str], description: str | None, enabled: bool
) -> Webhook:
    """Change a locked webhook. If it becomes enabled, its failures are forgotten."""
    changed = fetch_one(
        connection,
        Webhook,
        "UPDATE webhooks SET url = %(url)s, events = %(events)s, description = %(description)s,"
        " is_enabled = %(enabled)s, updated_at = clock_timestamp(),"
        " disabled_reason = CASE WHEN %(enabled)s THEN NULL ELSE disabled_reason END,"
        " failing_since = CASE WHEN %(enabled)s AND NOT is_enabled THEN NULL ELSE failing_since END"
        f" WHERE id = %(id)s RETURNING {_COLUMNS}",
        {"id": webhook.id, "url": url, "events": list(events), "description": description, "enabled": enabled},
    )
    assert changed is not None
    return changed


def rotate_secret(connection: Connection, webhook: Webhook) -> Webhook:
    """Give a locked webhook its next secret; the present one signs for another 24 hours."""
    rotated = fetch_one(
        connection,
        Webhook,
        "UPDATE webhooks SET secret_version = secret_version + 1, updated_at = clock_timestamp(),"
        " previous_secret_until = clock_timestamp() + make_interval(hours => %s)"
        f" WHERE id = %s RETURNING {_COLUMNS}",
        (PREVIOUS_SECRET_HOURS, webhook.id),
    )
    assert rotated is not None
    return rotated


def mark_disabled(connection: Connection, webhook_id: str, reason: str) -> None:
    """Disable a locked webhook, and say why."""
    connection.execute(
        "UPDATE webhooks SET is_enabled = false, disabled_reason = %s, updated_at = clock_timestamp() WHERE id = %s",
        (reason, webhook_id),
    )


def delete(connection: Connection, webhook_id: str, owner: str) -> bool:
    """Delete the owner's webhook with its deliveries; False if there is none."""
    return connection.execute("DELETE FROM webhooks WHERE id = %s AND owner = %s", (webhook_id, owner)).rowcount == 1

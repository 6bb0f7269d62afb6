"""The outbox of events: a delivery for each webhook that wants the event, in the transaction of what the event tells.

So an event is lost with its change only, and no event tells of a change that was rolled back. The body is stored as
text, because every attempt sends and signs the same bytes. It has ids and states, no text of a prompt and no secret.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from ..timestamps import format_timestamp
from .connection import Connection

__all__ = [
    "FLEET", "FLEET_EVENTS", "MAX_PENDING", "MAX_TEXT_CHARS", "USER_EVENTS", "WebhookEvent", "emit_event",
    "emit_fleet_event", "emit_status_changes", "format_body", "user_owner",
]  # fmt: skip

UserEvent = Literal[
    "prompt.completed", "prompt.failed", "prompt.cancelled", "approval.requested", "approval.decided"
]  # fmt: skip
FleetEvent = Literal[
    "instance.created", "instance.destroyed", "instance.status_changed",
    "operation.succeeded", "operation.failed", "operation.leaked",
]  # fmt: skip
WebhookEvent = UserEvent | FleetEvent | Literal["webhook.test"]

USER_EVENTS: tuple[str, ...] = get_args(UserEvent)
"""What a user's webhooks may be about: the user's own prompts."""
FLEET_EVENTS: tuple[str, ...] = get_args(FleetEvent)
"""What a deployment's webhooks may be about."""

FLEET = "fleet"
"""The owner of the deployment's webhooks; users are `user:<id>`."""

MAX_TEXT_CHARS = 512
"""Of a text in a message: an id, a status."""

MAX_PENDING = 10_000
"""Pending deliveries of a webhook, about: while it has so many, its further events are dropped."""

Data = Mapping[str, object]


def user_owner(user_id: str) -> str:
    """Return the owner of a user's webhooks, as the column `owner` has it."""
    return f"user:{user_id}"


def emit_event(connection: Connection, user_id: str, event: UserEvent, data: Data) -> None:
    """Add a delivery of an event of a user's prompt to each of the user's webhooks that wants it."""
    _insert(connection, user_owner(user_id), event, [data])


def emit_fleet_event(connection: Connection, event: FleetEvent, *data: Data) -> None:
    """Add deliveries of one or more events of the fleet, in one statement, to each of its webhooks that wants them."""
    if data:
        _insert(connection, FLEET, event, data)


def emit_status_changes(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add deliveries for the rows whose status has changed: each has `instance_id`, `status` and `previous`."""
    changes = [
        {"instanceId": row["instance_id"], "deployStatus": row["status"], "previousDeployStatus": row["previous"]}
        for row in rows
        if row["status"] != row["previous"]
    ]
    emit_fleet_event(connection, "instance.status_changed", *changes)


def format_body(event: WebhookEvent, data: Data) -> str:
    """Build the body of a delivery. Texts of the data are cut to 512 characters: none of ours is longer."""
    short = {name: value[:MAX_TEXT_CHARS] if isinstance(value, str) else value for name, value in data.items()}
    body = {"type": event, "timestamp": format_timestamp(datetime.now(UTC)), "data": short}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _insert(connection: Connection, owner: str, event: WebhookEvent, data: Sequence[Data]) -> None:
    connection.execute(
        "INSERT INTO webhook_deliveries (id, webhook_id, type, body)"
        " SELECT 'msg_' || replace(gen_random_uuid()::text, '-', ''), w.id, %(event)s, new.body"
        " FROM webhooks w, unnest(%(bodies)s::text[]) AS new (body)"
        " WHERE w.owner = %(owner)s AND w.is_enabled AND %(event)s = ANY(w.events)"
        "  AND %(limit)s > (SELECT count(*) FROM (SELECT FROM webhook_deliveries d"
        "   WHERE d.webhook_id = w.id AND d.status = 'pending' LIMIT %(limit)s) pending)",
        {
            "owner": owner,
            "event": event,
            "limit": MAX_PENDING,
            "bodies": [format_body(event, one) for one in data],
        },
    )

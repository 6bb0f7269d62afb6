"""Webhooks and deliveries as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ..db.webhook_deliveries import Delivery
from ..db.webhooks import Webhook
from ..list_cursor import ListCursor, format_cursor
from ..response_size import count_fitting
from ..timestamps import format_timestamp

__all__ = ["format_delivery", "format_page", "format_webhook"]


class _Listed(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


def format_webhook(webhook: Webhook) -> dict[str, object]:
    """Return a webhook as JSON, without its secret."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "enabled": webhook.is_enabled,
        "disabledReason": webhook.disabled_reason,
        "failingSince": _format_time(webhook.failing_since),
        "createdAt": format_timestamp(webhook.created_at),
        "updatedAt": format_timestamp(webhook.updated_at),
    }


def format_delivery(delivery: Delivery) -> dict[str, object]:
    """Return a delivery as JSON."""
    return {
        "id": delivery.id,
        "webhookId": delivery.webhook_id,
        "type": delivery.type,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "responseStatus": delivery.response_status,
        "error": delivery.error,
        "nextAttemptAt": _format_time(delivery.next_attempt_at),
        "createdAt": format_timestamp(delivery.created_at),
        "updatedAt": format_timestamp(delivery.updated_at),
    }


def format_page(name: str, elements: Sequence[object], rows: Sequence[_Listed], limit: int) -> dict[str, object]:
    """Build a page of a list.

    Args:
        name: of the member that has the elements.
        elements: the page's elements, and the one after it if there are more.
        rows: their rows.
        limit: how many the page may have.
    """
    shown = elements[:limit]
    shown = shown[: count_fitting(shown)]
    page: dict[str, object] = {name: list(shown)}
    if len(elements) > len(shown):
        last = rows[len(shown) - 1]
        page["nextCursor"] = format_cursor(ListCursor(last.created_at, last.id))
    return page


def _format_time(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment)

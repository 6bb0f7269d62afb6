from typing import Literal

WebhookChangesEventsItem = Literal[
    "approval.decided", "approval.requested", "prompt.cancelled", "prompt.completed", "prompt.failed"
]

WEBHOOK_CHANGES_EVENTS_ITEM_VALUES: set[WebhookChangesEventsItem] = {
    "approval.decided",
    "approval.requested",
    "prompt.cancelled",
    "prompt.completed",
    "prompt.failed",
}


def check_webhook_changes_events_item(value: str) -> WebhookChangesEventsItem:
    if value in WEBHOOK_CHANGES_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEBHOOK_CHANGES_EVENTS_ITEM_VALUES!r}")

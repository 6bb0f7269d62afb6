from typing import Literal

WebhookEventsItem = Literal[
    "approval.decided", "approval.requested", "prompt.cancelled", "prompt.completed", "prompt.failed"
]

WEBHOOK_EVENTS_ITEM_VALUES: set[WebhookEventsItem] = {
    "approval.decided",
    "approval.requested",
    "prompt.cancelled",
    "prompt.completed",
    "prompt.failed",
}


def check_webhook_events_item(value: str) -> WebhookEventsItem:
    if value in WEBHOOK_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEBHOOK_EVENTS_ITEM_VALUES!r}")

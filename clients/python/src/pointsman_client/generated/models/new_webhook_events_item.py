from typing import Literal

NewWebhookEventsItem = Literal[
    "approval.decided", "approval.requested", "prompt.cancelled", "prompt.completed", "prompt.failed"
]

NEW_WEBHOOK_EVENTS_ITEM_VALUES: set[NewWebhookEventsItem] = {
    "approval.decided",
    "approval.requested",
    "prompt.cancelled",
    "prompt.completed",
    "prompt.failed",
}


def check_new_webhook_events_item(value: str) -> NewWebhookEventsItem:
    if value in NEW_WEBHOOK_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {NEW_WEBHOOK_EVENTS_ITEM_VALUES!r}")

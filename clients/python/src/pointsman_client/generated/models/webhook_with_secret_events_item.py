from typing import Literal

WebhookWithSecretEventsItem = Literal[
    "approval.decided", "approval.requested", "prompt.cancelled", "prompt.completed", "prompt.failed"
]

WEBHOOK_WITH_SECRET_EVENTS_ITEM_VALUES: set[WebhookWithSecretEventsItem] = {
    "approval.decided",
    "approval.requested",
    "prompt.cancelled",
    "prompt.completed",
    "prompt.failed",
}


def check_webhook_with_secret_events_item(value: str) -> WebhookWithSecretEventsItem:
    if value in WEBHOOK_WITH_SECRET_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEBHOOK_WITH_SECRET_EVENTS_ITEM_VALUES!r}")

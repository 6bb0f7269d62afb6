from typing import Literal

NewFleetWebhookEventsItem = Literal[
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
]

NEW_FLEET_WEBHOOK_EVENTS_ITEM_VALUES: set[NewFleetWebhookEventsItem] = {
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
}


def check_new_fleet_webhook_events_item(value: str) -> NewFleetWebhookEventsItem:
    if value in NEW_FLEET_WEBHOOK_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {NEW_FLEET_WEBHOOK_EVENTS_ITEM_VALUES!r}")

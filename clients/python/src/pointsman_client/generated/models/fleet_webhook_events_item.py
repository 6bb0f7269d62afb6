from typing import Literal

FleetWebhookEventsItem = Literal[
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
]

FLEET_WEBHOOK_EVENTS_ITEM_VALUES: set[FleetWebhookEventsItem] = {
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
}


def check_fleet_webhook_events_item(value: str) -> FleetWebhookEventsItem:
    if value in FLEET_WEBHOOK_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FLEET_WEBHOOK_EVENTS_ITEM_VALUES!r}")

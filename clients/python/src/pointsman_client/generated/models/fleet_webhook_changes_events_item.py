from typing import Literal

FleetWebhookChangesEventsItem = Literal[
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
]

FLEET_WEBHOOK_CHANGES_EVENTS_ITEM_VALUES: set[FleetWebhookChangesEventsItem] = {
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
}


def check_fleet_webhook_changes_events_item(value: str) -> FleetWebhookChangesEventsItem:
    if value in FLEET_WEBHOOK_CHANGES_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FLEET_WEBHOOK_CHANGES_EVENTS_ITEM_VALUES!r}")

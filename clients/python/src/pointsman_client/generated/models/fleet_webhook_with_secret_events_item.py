from typing import Literal

FleetWebhookWithSecretEventsItem = Literal[
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
]

FLEET_WEBHOOK_WITH_SECRET_EVENTS_ITEM_VALUES: set[FleetWebhookWithSecretEventsItem] = {
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
}


def check_fleet_webhook_with_secret_events_item(value: str) -> FleetWebhookWithSecretEventsItem:
    if value in FLEET_WEBHOOK_WITH_SECRET_EVENTS_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FLEET_WEBHOOK_WITH_SECRET_EVENTS_ITEM_VALUES!r}")

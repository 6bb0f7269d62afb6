from typing import Literal

FleetDeliveryType = Literal[
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
]

FLEET_DELIVERY_TYPE_VALUES: set[FleetDeliveryType] = {
    "instance.created",
    "instance.destroyed",
    "instance.status_changed",
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
}


def check_fleet_delivery_type(value: str) -> FleetDeliveryType:
    if value in FLEET_DELIVERY_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FLEET_DELIVERY_TYPE_VALUES!r}")

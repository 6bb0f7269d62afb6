from typing import Literal

FleetDeliveryStatus = Literal["delivered", "failed", "pending"]

FLEET_DELIVERY_STATUS_VALUES: set[FleetDeliveryStatus] = {
    "delivered",
    "failed",
    "pending",
}


def check_fleet_delivery_status(value: str) -> FleetDeliveryStatus:
    if value in FLEET_DELIVERY_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FLEET_DELIVERY_STATUS_VALUES!r}")

from typing import Literal

ListFleetDeliveriesStatus = Literal["delivered", "failed", "pending"]

LIST_FLEET_DELIVERIES_STATUS_VALUES: set[ListFleetDeliveriesStatus] = {
    "delivered",
    "failed",
    "pending",
}


def check_list_fleet_deliveries_status(value: str) -> ListFleetDeliveriesStatus:
    if value in LIST_FLEET_DELIVERIES_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_FLEET_DELIVERIES_STATUS_VALUES!r}")

from typing import Literal

DeliveryType = Literal[
    "approval.decided", "approval.requested", "prompt.cancelled", "prompt.completed", "prompt.failed"
]

DELIVERY_TYPE_VALUES: set[DeliveryType] = {
    "approval.decided",
    "approval.requested",
    "prompt.cancelled",
    "prompt.completed",
    "prompt.failed",
}


def check_delivery_type(value: str) -> DeliveryType:
    if value in DELIVERY_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DELIVERY_TYPE_VALUES!r}")

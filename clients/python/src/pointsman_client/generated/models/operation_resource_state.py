from typing import Literal

OperationResourceState = Literal["abandoned", "created", "deleted", "intended", "refused"]

OPERATION_RESOURCE_STATE_VALUES: set[OperationResourceState] = {
    "abandoned",
    "created",
    "deleted",
    "intended",
    "refused",
}


def check_operation_resource_state(value: str) -> OperationResourceState:
    if value in OPERATION_RESOURCE_STATE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_RESOURCE_STATE_VALUES!r}")

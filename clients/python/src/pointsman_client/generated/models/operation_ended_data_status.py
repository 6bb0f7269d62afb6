from typing import Literal

OperationEndedDataStatus = Literal["failed", "leaked", "succeeded"]

OPERATION_ENDED_DATA_STATUS_VALUES: set[OperationEndedDataStatus] = {
    "failed",
    "leaked",
    "succeeded",
}


def check_operation_ended_data_status(value: str) -> OperationEndedDataStatus:
    if value in OPERATION_ENDED_DATA_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_ENDED_DATA_STATUS_VALUES!r}")

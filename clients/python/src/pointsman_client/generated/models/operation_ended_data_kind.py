from typing import Literal

OperationEndedDataKind = Literal["create", "destroy", "destroy_tool", "provision"]

OPERATION_ENDED_DATA_KIND_VALUES: set[OperationEndedDataKind] = {
    "create",
    "destroy",
    "destroy_tool",
    "provision",
}


def check_operation_ended_data_kind(value: str) -> OperationEndedDataKind:
    if value in OPERATION_ENDED_DATA_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_ENDED_DATA_KIND_VALUES!r}")

from typing import Literal

OperationSummaryKind = Literal["create", "destroy", "destroy_tool", "provision"]

OPERATION_SUMMARY_KIND_VALUES: set[OperationSummaryKind] = {
    "create",
    "destroy",
    "destroy_tool",
    "provision",
}


def check_operation_summary_kind(value: str) -> OperationSummaryKind:
    if value in OPERATION_SUMMARY_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_SUMMARY_KIND_VALUES!r}")

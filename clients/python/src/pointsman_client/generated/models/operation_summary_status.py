from typing import Literal

OperationSummaryStatus = Literal["failed", "leaked", "running", "succeeded"]

OPERATION_SUMMARY_STATUS_VALUES: set[OperationSummaryStatus] = {
    "failed",
    "leaked",
    "running",
    "succeeded",
}


def check_operation_summary_status(value: str) -> OperationSummaryStatus:
    if value in OPERATION_SUMMARY_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_SUMMARY_STATUS_VALUES!r}")

from typing import Literal

OperationPageStatus = Literal["failed", "leaked", "running", "succeeded"]

OPERATION_PAGE_STATUS_VALUES: set[OperationPageStatus] = {
    "failed",
    "leaked",
    "running",
    "succeeded",
}


def check_operation_page_status(value: str) -> OperationPageStatus:
    if value in OPERATION_PAGE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_PAGE_STATUS_VALUES!r}")

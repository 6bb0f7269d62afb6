from typing import Literal

StepPageStatus = Literal["failed", "running", "skipped", "succeeded"]

STEP_PAGE_STATUS_VALUES: set[StepPageStatus] = {
    "failed",
    "running",
    "skipped",
    "succeeded",
}


def check_step_page_status(value: str) -> StepPageStatus:
    if value in STEP_PAGE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STEP_PAGE_STATUS_VALUES!r}")

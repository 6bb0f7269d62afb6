from typing import Literal

DecidedStatus = Literal["approved", "rejected"]

DECIDED_STATUS_VALUES: set[DecidedStatus] = {
    "approved",
    "rejected",
}


def check_decided_status(value: str) -> DecidedStatus:
    if value in DECIDED_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DECIDED_STATUS_VALUES!r}")

from typing import Literal

ApprovalDecidedDataDecision = Literal["approved", "expired", "rejected"]

APPROVAL_DECIDED_DATA_DECISION_VALUES: set[ApprovalDecidedDataDecision] = {
    "approved",
    "expired",
    "rejected",
}


def check_approval_decided_data_decision(value: str) -> ApprovalDecidedDataDecision:
    if value in APPROVAL_DECIDED_DATA_DECISION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {APPROVAL_DECIDED_DATA_DECISION_VALUES!r}")

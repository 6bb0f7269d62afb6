from typing import Literal

ApprovalDecidedDecision = Literal["approved", "expired", "rejected"]

APPROVAL_DECIDED_DECISION_VALUES: set[ApprovalDecidedDecision] = {
    "approved",
    "expired",
    "rejected",
}


def check_approval_decided_decision(value: str) -> ApprovalDecidedDecision:
    if value in APPROVAL_DECIDED_DECISION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {APPROVAL_DECIDED_DECISION_VALUES!r}")

from typing import Literal

DecidableApprovalApprover = Literal["other", "self"]

DECIDABLE_APPROVAL_APPROVER_VALUES: set[DecidableApprovalApprover] = {
    "other",
    "self",
}


def check_decidable_approval_approver(value: str) -> DecidableApprovalApprover:
    if value in DECIDABLE_APPROVAL_APPROVER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DECIDABLE_APPROVAL_APPROVER_VALUES!r}")

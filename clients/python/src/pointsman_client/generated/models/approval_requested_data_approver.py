from typing import Literal

ApprovalRequestedDataApprover = Literal["other", "self"]

APPROVAL_REQUESTED_DATA_APPROVER_VALUES: set[ApprovalRequestedDataApprover] = {
    "other",
    "self",
}


def check_approval_requested_data_approver(value: str) -> ApprovalRequestedDataApprover:
    if value in APPROVAL_REQUESTED_DATA_APPROVER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {APPROVAL_REQUESTED_DATA_APPROVER_VALUES!r}")

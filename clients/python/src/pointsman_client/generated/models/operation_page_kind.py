from typing import Literal

OperationPageKind = Literal["create", "destroy", "destroy_tool", "provision"]

OPERATION_PAGE_KIND_VALUES: set[OperationPageKind] = {
    "create",
    "destroy",
    "destroy_tool",
    "provision",
}


def check_operation_page_kind(value: str) -> OperationPageKind:
    if value in OPERATION_PAGE_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_PAGE_KIND_VALUES!r}")

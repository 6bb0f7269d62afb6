from typing import Literal

ListOperationsKind = Literal["create", "destroy", "destroy_tool", "provision"]

LIST_OPERATIONS_KIND_VALUES: set[ListOperationsKind] = {
    "create",
    "destroy",
    "destroy_tool",
    "provision",
}


def check_list_operations_kind(value: str) -> ListOperationsKind:
    if value in LIST_OPERATIONS_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_OPERATIONS_KIND_VALUES!r}")

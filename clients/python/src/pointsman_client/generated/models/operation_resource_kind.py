from typing import Literal

OperationResourceKind = Literal["domain", "service", "tool", "volume"]

OPERATION_RESOURCE_KIND_VALUES: set[OperationResourceKind] = {
    "domain",
    "service",
    "tool",
    "volume",
}


def check_operation_resource_kind(value: str) -> OperationResourceKind:
    if value in OPERATION_RESOURCE_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_RESOURCE_KIND_VALUES!r}")

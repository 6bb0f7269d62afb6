from typing import Literal

GetOperationResources = Literal["false", "true"]

GET_OPERATION_RESOURCES_VALUES: set[GetOperationResources] = {
    "false",
    "true",
}


def check_get_operation_resources(value: str) -> GetOperationResources:
    if value in GET_OPERATION_RESOURCES_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {GET_OPERATION_RESOURCES_VALUES!r}")

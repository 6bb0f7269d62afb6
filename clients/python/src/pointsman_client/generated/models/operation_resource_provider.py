from typing import Literal

OperationResourceProvider = Literal["agentmail", "openrouter", "railway", "telnyx"]

OPERATION_RESOURCE_PROVIDER_VALUES: set[OperationResourceProvider] = {
    "agentmail",
    "openrouter",
    "railway",
    "telnyx",
}


def check_operation_resource_provider(value: str) -> OperationResourceProvider:
    if value in OPERATION_RESOURCE_PROVIDER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_RESOURCE_PROVIDER_VALUES!r}")

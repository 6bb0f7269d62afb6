from typing import Literal

OperationEndedMessageType = Literal["operation.failed", "operation.leaked", "operation.succeeded"]

OPERATION_ENDED_MESSAGE_TYPE_VALUES: set[OperationEndedMessageType] = {
    "operation.failed",
    "operation.leaked",
    "operation.succeeded",
}


def check_operation_ended_message_type(value: str) -> OperationEndedMessageType:
    if value in OPERATION_ENDED_MESSAGE_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OPERATION_ENDED_MESSAGE_TYPE_VALUES!r}")

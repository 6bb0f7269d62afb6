from typing import Literal

PromptEndedMessageType = Literal["prompt.cancelled", "prompt.completed", "prompt.failed"]

PROMPT_ENDED_MESSAGE_TYPE_VALUES: set[PromptEndedMessageType] = {
    "prompt.cancelled",
    "prompt.completed",
    "prompt.failed",
}


def check_prompt_ended_message_type(value: str) -> PromptEndedMessageType:
    if value in PROMPT_ENDED_MESSAGE_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PROMPT_ENDED_MESSAGE_TYPE_VALUES!r}")

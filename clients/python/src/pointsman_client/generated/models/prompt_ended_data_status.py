from typing import Literal

PromptEndedDataStatus = Literal["cancelled", "completed", "failed"]

PROMPT_ENDED_DATA_STATUS_VALUES: set[PromptEndedDataStatus] = {
    "cancelled",
    "completed",
    "failed",
}


def check_prompt_ended_data_status(value: str) -> PromptEndedDataStatus:
    if value in PROMPT_ENDED_DATA_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PROMPT_ENDED_DATA_STATUS_VALUES!r}")

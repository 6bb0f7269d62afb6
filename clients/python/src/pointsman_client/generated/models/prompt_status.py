from typing import Literal

PromptStatus = Literal["cancelled", "completed", "failed", "running", "waiting"]

PROMPT_STATUS_VALUES: set[PromptStatus] = {
    "cancelled",
    "completed",
    "failed",
    "running",
    "waiting",
}


def check_prompt_status(value: str) -> PromptStatus:
    if value in PROMPT_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PROMPT_STATUS_VALUES!r}")

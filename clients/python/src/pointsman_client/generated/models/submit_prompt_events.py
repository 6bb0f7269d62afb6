from typing import Literal

SubmitPromptEvents = Literal["all"]

SUBMIT_PROMPT_EVENTS_VALUES: set[SubmitPromptEvents] = {
    "all",
}


def check_submit_prompt_events(value: str) -> SubmitPromptEvents:
    if value in SUBMIT_PROMPT_EVENTS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SUBMIT_PROMPT_EVENTS_VALUES!r}")

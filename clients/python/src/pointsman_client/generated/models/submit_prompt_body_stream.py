from typing import Literal

SubmitPromptBodyStream = Literal["tokens"]

SUBMIT_PROMPT_BODY_STREAM_VALUES: set[SubmitPromptBodyStream] = {
    "tokens",
}


def check_submit_prompt_body_stream(value: str) -> SubmitPromptBodyStream:
    if value in SUBMIT_PROMPT_BODY_STREAM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SUBMIT_PROMPT_BODY_STREAM_VALUES!r}")

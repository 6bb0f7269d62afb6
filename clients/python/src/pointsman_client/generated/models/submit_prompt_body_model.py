from typing import Literal

SubmitPromptBodyModel = Literal["high", "normal"]

SUBMIT_PROMPT_BODY_MODEL_VALUES: set[SubmitPromptBodyModel] = {
    "high",
    "normal",
}


def check_submit_prompt_body_model(value: str) -> SubmitPromptBodyModel:
    if value in SUBMIT_PROMPT_BODY_MODEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SUBMIT_PROMPT_BODY_MODEL_VALUES!r}")

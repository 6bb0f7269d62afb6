from typing import Literal

ListedPromptModel = Literal["high", "normal"]

LISTED_PROMPT_MODEL_VALUES: set[ListedPromptModel] = {
    "high",
    "normal",
}


def check_listed_prompt_model(value: str) -> ListedPromptModel:
    if value in LISTED_PROMPT_MODEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LISTED_PROMPT_MODEL_VALUES!r}")

from typing import Literal

PromptPageModel = Literal["high", "normal"]

PROMPT_PAGE_MODEL_VALUES: set[PromptPageModel] = {
    "high",
    "normal",
}


def check_prompt_page_model(value: str) -> PromptPageModel:
    if value in PROMPT_PAGE_MODEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PROMPT_PAGE_MODEL_VALUES!r}")

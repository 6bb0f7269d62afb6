from typing import Literal

RunAguiBodyForwardedPropsModel = Literal["high", "normal"]

RUN_AGUI_BODY_FORWARDED_PROPS_MODEL_VALUES: set[RunAguiBodyForwardedPropsModel] = {
    "high",
    "normal",
}


def check_run_agui_body_forwarded_props_model(value: str) -> RunAguiBodyForwardedPropsModel:
    if value in RUN_AGUI_BODY_FORWARDED_PROPS_MODEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUN_AGUI_BODY_FORWARDED_PROPS_MODEL_VALUES!r}")

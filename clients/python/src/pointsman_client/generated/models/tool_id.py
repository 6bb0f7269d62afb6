from typing import Literal

ToolId = Literal["agentmail", "openrouter", "telnyx"]

TOOL_ID_VALUES: set[ToolId] = {
    "agentmail",
    "openrouter",
    "telnyx",
}


def check_tool_id(value: str) -> ToolId:
    if value in TOOL_ID_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TOOL_ID_VALUES!r}")

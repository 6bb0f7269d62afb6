"""What requests hold: types that check, and tell the OpenAPI document what they take."""

import re
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import AfterValidator, ConfigDict, WithJsonSchema

from ...providers.registry import TOOLS

__all__ = ["TOOL_ID_SCHEMA", "PathId", "ToolId", "strict_config"]

TOOL_ID_SCHEMA = {"type": "string", "enum": list(TOOLS)}
"""The JSON Schema of a tool's id."""

_CONTROL_CHARACTERS = r"\x00-\x1f\x7f-\x9f"


def _decode_path_value(value: str) -> str:
    text = unquote(value)
    if re.search(f"[{_CONTROL_CHARACTERS}]", text):
        raise ValueError("may not hold control characters")
    return text


PathId = Annotated[
    str,
    AfterValidator(_decode_path_value),
    WithJsonSchema({"type": "string", "minLength": 1, "pattern": f"^[^{_CONTROL_CHARACTERS}]+$"}),
]
"""An id in the path, as the client meant it: any characters but control characters, a slash and a percent sign too."""

ToolId = Annotated[str, AfterValidator(_decode_path_value), WithJsonSchema(TOOL_ID_SCHEMA)]


def strict_config(*required: str, **properties: dict[str, Any]) -> ConfigDict:
    """The configuration of a body: nothing is converted. The rest is for the document only.

    `required` names the properties that must be there, and `properties` what they must hold, where the lifecycle checks
    that and says what to change.
    """

    def extend_schema(schema: dict[str, Any]) -> None:
        if required:
            schema["required"] = list(required)
        for name, constraints in properties.items():
            schema["properties"][name] = {**schema["properties"][name], **constraints}
            if name in schema.get("required", ()):
                schema["properties"][name].pop("default", None)

    return ConfigDict(strict=True, json_schema_extra=extend_schema)

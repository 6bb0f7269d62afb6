"""Types of request parameters and bodies: they validate, and describe themselves in the OpenAPI document."""

import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import AfterValidator, ConfigDict, WithJsonSchema

from ...providers.registry import TOOLS

__all__ = ["TOOL_ID_SCHEMA", "PathId", "ToolId", "strict_config"]

TOOL_ID_SCHEMA = {"type": "string", "enum": list(TOOLS)}
"""The JSON Schema of the id of a provisionable tool."""

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
"""An id in the path, percent-decoded: any characters except control characters, so a slash or a percent sign, too."""

ToolId = Annotated[str, AfterValidator(_decode_path_value), WithJsonSchema(TOOL_ID_SCHEMA)]
"""A tool's id in the path. Only the document restricts it to known tools; the lifecycle validates it."""


def strict_config(required: Sequence[str] = (), **properties: dict[str, Any]) -> ConfigDict:
    """Make the pydantic configuration of a body whose values are not converted (strict mode).

    The arguments describe constraints in the OpenAPI document only: the lifecycle validates them, with messages that
    say what to change.

    Args:
        required: the names of the required properties.
        properties: JSON Schema keywords to add, by property.
    """

    def extend_schema(schema: dict[str, Any]) -> None:
        if required:
            schema["required"] = list(required)
        for name, constraints in properties.items():
            schema["properties"][name] = {**schema["properties"][name], **constraints}
            if name in schema.get("required", ()):
                schema["properties"][name].pop("default", None)

    return ConfigDict(strict=True, json_schema_extra=extend_schema)

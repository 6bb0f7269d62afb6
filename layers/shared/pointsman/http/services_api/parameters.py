"""Types of request parameters and bodies: they validate, and describe themselves in the OpenAPI document."""

import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Query, Request
from pydantic import AfterValidator, BeforeValidator, ConfigDict, WithJsonSchema

from ...errors import InvalidInput
from ...lifecycle.idempotency_claim import Claim
from ...lifecycle.input_rules import MAX_TOOLS
from ...lifecycle.list_parameters import ID_PATTERN, MAX_LIMIT
from ...list_cursor import CURSOR_PATTERN
from ...providers.registry import TOOLS
from ..lambda_adapter import get_gateway_event

__all__ = [
    "CLAIM_EVENT_KEY",
    "CURSOR_SCHEMA",
    "ID_SCHEMA",
    "KNOWN_PARAMETERS",
    "LIMIT_SCHEMA",
    "TOOL_IDS_SCHEMA",
    "Cursor",
    "EndTime",
    "Limit",
    "PathId",
    "RequestClaim",
    "RequiredText",
    "StartTime",
    "ToolId",
    "describe_query",
    "null_as",
    "optional_list",
    "strict_config",
]

TOOL_ID_SCHEMA = {"type": "string", "enum": list(TOOLS)}
"""The JSON Schema of the id of a provisionable tool."""


def optional_list(items: dict[str, Any], max_items: int) -> dict[str, Any]:
    """Make the JSON Schema of a list that may be null."""
    return {"anyOf": [{"type": "array", "items": items, "maxItems": max_items}, {"type": "null"}]}


TOOL_IDS_SCHEMA = optional_list(TOOL_ID_SCHEMA, MAX_TOOLS)
"""The JSON Schema of the tools of a new instance."""

ID_SCHEMA = {"type": "string", "pattern": f"^{ID_PATTERN.pattern}$"}
CURSOR_SCHEMA = {"type": "string", "pattern": f"^{CURSOR_PATTERN.pattern}$"}
LIMIT_SCHEMA = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
"""The JSON Schemas of parameters of a list."""

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


CLAIM_EVENT_KEY = "pointsman.claim"
"""Where the event of a request with an idempotency key holds its claim; the gateway has no such key."""


async def _find_claim(request: Request) -> Claim | None:
    # `async`, because FastAPI runs a plain function in a thread.
    return get_gateway_event(request).get(CLAIM_EVENT_KEY)


RequestClaim = Annotated[Claim | None, Depends(_find_claim)]
"""The request's idempotency claim; None without the header Idempotency-Key."""


async def _require_known_parameters(request: Request) -> None:
    names = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in names:
            raise InvalidInput(f"There is no parameter {name[:100]!r}; there are {', '.join(names)}")


KNOWN_PARAMETERS = Depends(_require_known_parameters)
"""For the routes of lists: a query with another parameter is refused, since a misspelt filter would list everything."""


def null_as(missing: object) -> BeforeValidator:
    """Make the validator of a required member that takes null for a missing one, as many clients send it.

    Args:
        missing: the member's default, by which the lifecycle recognizes a missing one.
    """
    return BeforeValidator(lambda value: missing if value is None else value)


def describe_query(schema: dict[str, Any]) -> WithJsonSchema:
    """Describe a query parameter, which the lifecycle validates, in the OpenAPI document; it has no default there."""
    return WithJsonSchema(schema)


_TIME = describe_query({"type": "string", "format": "date-time"})
Cursor = Annotated[str | None, describe_query(CURSOR_SCHEMA)]
Limit = Annotated[str | None, describe_query(LIMIT_SCHEMA)]
StartTime = Annotated[str | None, Query(alias="from"), _TIME]
EndTime = Annotated[str | None, Query(alias="to"), _TIME]
"""Parameters of lists, and of what has a time."""

RequiredText = Annotated[str, null_as("")]
"""A required member with text; its default is empty."""


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

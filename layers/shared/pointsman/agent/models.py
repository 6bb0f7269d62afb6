"""Base models for the inputs and outputs of tools.

Any pydantic model can be used. These are strict, and build their schemas at first use, which a cold start does not pay.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ..list_cursor import CURSOR_PATTERN

__all__ = ["Input", "NextCursor", "Output", "PageCursor", "Timestamp", "WholeNumber", "drop_default", "no_next_cursor"]


class Input(BaseModel):
    """Base of inputs: values are not converted, and unknown members are rejected."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


class Output(BaseModel):
    """Base of outputs: values are not converted, and unknown members are dropped."""

    model_config = ConfigDict(strict=True, defer_build=True)


Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""ISO 8601 in UTC with milliseconds, as `pointsman.timestamps.format_timestamp` returns it."""


def _to_integer(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, BeforeValidator(_to_integer)]
"""An integer as JSON Schema has it: 20.0 is one, which strict mode rejects."""

PageCursor = Annotated[
    str, Field(pattern=f"^({CURSOR_PATTERN.pattern})?$", description="The `nextCursor` of the page before")
]
"""The cursor of an input that asks for a page; empty for the first one."""

NextCursor = Annotated[str | None, WithJsonSchema({"type": "string"})]
"""The cursor of the next page, in an output that is a page. The default is `no_next_cursor()`."""


def drop_default(schema: dict[str, Any]) -> None:
    """Remove the default from the schema of a member that is omitted if it is None, and never null."""
    schema.pop("default")


def no_next_cursor() -> Any:
    """Return the field of a `NextCursor` that is omitted where there are no more pages."""
    return Field(None, exclude_if=lambda cursor: cursor is None, json_schema_extra=drop_default)

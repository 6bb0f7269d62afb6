"""Base models for the inputs and outputs of tools.

Any pydantic model can be used. These are strict, and build their schemas at first use, which a cold start does not pay.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, WithJsonSchema

__all__ = ["Input", "Output", "Timestamp"]


class Input(BaseModel):
    """Base of inputs: values are not converted, and unknown members are rejected."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


class Output(BaseModel):
    """Base of outputs: values are not converted, and unknown members are dropped."""

    model_config = ConfigDict(strict=True, defer_build=True)


Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""ISO 8601 in UTC with milliseconds, as `pointsman.timestamps.format_timestamp` returns it."""

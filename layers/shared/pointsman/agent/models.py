"""Models for inputs and outputs of tools. Any pydantic model will do; these are strict, and cost nothing until used."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, WithJsonSchema

__all__ = ["Input", "Output", "Timestamp"]


class Input(BaseModel):
    """An input: nothing is converted, and a member that it does not have is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


class Output(BaseModel):
    """An output: nothing is converted, and a member that it does not have is left out."""

    model_config = ConfigDict(strict=True, defer_build=True)


Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment in an output: ISO 8601 with milliseconds in UTC, as pointsman.timestamps.iso writes it."""

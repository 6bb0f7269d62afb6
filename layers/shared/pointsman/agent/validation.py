"""Reading JSON into a model, and a model back into JSON, with what is wrong told without values."""

import json
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json

from ..errors import InvalidToolInput, Issue

__all__ = ["InvalidOutput", "format_issues", "serialize_output", "to_issues", "validate_input"]

M = TypeVar("M", bound=BaseModel)

_NOT_SERIALIZABLE = "It holds text that is not Unicode or a number that is too large, or is nested too deeply"
"""The body was parsed before, so nothing else can be wrong with it as JSON."""


class InvalidOutput(Exception):
    """What a tool or a route returned is not what it says that it returns. Its text tells where, and no value."""


def validate_input(model: type[M], raw: object, subject: str) -> M:
    """Parsed JSON as an instance of the model. `what` it is, is told when it is wrong. Raises InvalidToolInput.

    Read as JSON, not as Python: strict models take a date as text, as JSON has no other.
    """
    try:
        text = json.dumps(raw, allow_nan=False)
    except (RecursionError, TypeError, ValueError):
        raise InvalidToolInput(f"{subject} is not valid", [{"path": [], "message": _NOT_SERIALIZABLE}]) from None
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise InvalidToolInput(f"{subject} is not valid", to_issues(error)) from None


def serialize_output(model: type[BaseModel], result: object) -> object:
    """What a tool or a route returned, an instance of the model or what fits it, as JSON. Raises NotItsOutput."""
    try:
        # By the adapter: an instance of a subclass is written as what was announced, without what it has besides.
        return from_json(TypeAdapter(model).dump_json(model.model_validate(result), by_alias=True, warnings="error"))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc'])) or 'the whole'} ({one['type']})" for one in error.errors()]
        raise InvalidOutput(", ".join(problems)) from None
    except (PydanticSerializationError, RecursionError):
        raise InvalidOutput("it does not hold what it should, or cannot be written as JSON") from None


def to_issues(error: ValidationError) -> list[Issue]:
    """What is wrong, and where."""
    return [
        {
            "path": list(one["loc"]),
            "message": _NOT_SERIALIZABLE if one["type"] == "json_invalid" else _strip_prefix(one["msg"]),
        }
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def format_issues(issues: Iterable[Issue]) -> str:
    """Format issues as one line of text: `path.to.member: message; …`."""
    return "; ".join(f"{'.'.join(map(str, issue['path'])) or 'value'}: {issue['message']}" for issue in issues)


def _strip_prefix(message: str) -> str:
    return message.removeprefix("Value error, ")

"""Validation of parsed JSON into models, and serialization back. Errors name paths and rules, never values."""

import json
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json

from ..errors import InvalidToolInput, Issue, limit_issues

__all__ = ["InvalidOutput", "format_issues", "serialize_output", "to_issues", "validate_input"]

M = TypeVar("M", bound=BaseModel)

_NOT_SERIALIZABLE = "It holds text that is not Unicode or a number that is too large, or is nested too deeply"
"""The input was parsed as JSON before, so these are the only reasons why it cannot be serialized again."""

_MAX_TEXT_CHARS = 2000

_PREFIX = "Value error, "
"""What pydantic puts before the message of a validator's ValueError."""


class InvalidOutput(Exception):
    """A tool or a route returned something that is not its output. The text names the paths, and no value."""


def validate_input(model: type[M], raw: object, subject: str) -> M:
    """Validate parsed JSON as an instance of the model.

    It is validated in pydantic's JSON mode: a strict model accepts a date as text there, and would reject it as Python.

    Args:
        model: the model.
        raw: parsed JSON.
        subject: names the input in the error's message, like `The request body`.

    Raises:
        InvalidToolInput: it does not fit; has the issues.
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
    """Serialize what a tool or a route returned to JSON values.

    Args:
        model: the declared output.
        result: an instance of it, or a mapping that fits it.

    Raises:
        InvalidOutput: the result does not fit, or cannot be serialized.
    """
    try:
        # By the adapter, so that an instance of a subclass is serialized without the members that it adds.
        return from_json(TypeAdapter(model).dump_json(model.model_validate(result), by_alias=True, warnings="error"))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        issues = limit_issues([{"path": list(item["loc"]), "message": item["type"]} for item in found])
        problems = [f"{_format_path(issue) or 'the whole'} ({issue['message']})" for issue in issues]
        raise InvalidOutput(_cut(", ".join(problems))) from None
    except (PydanticSerializationError, RecursionError):
        raise InvalidOutput("it does not hold what it should, or cannot be written as JSON") from None


def to_issues(error: ValidationError) -> list[Issue]:
    """Convert pydantic's errors to issues, without the values."""
    return [
        {
            "path": list(item["loc"]),
            "message": _NOT_SERIALIZABLE if item["type"] == "json_invalid" else item["msg"].removeprefix(_PREFIX),
        }
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def format_issues(issues: Iterable[Issue]) -> str:
    """Format issues as one line of text, of at most 2,000 characters: `path.to.member: message; …`."""
    return _cut("; ".join(f"{_format_path(issue) or 'value'}: {issue['message']}" for issue in limit_issues([*issues])))


def _format_path(issue: Issue) -> str:
    return ".".join(map(str, issue["path"]))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_CHARS else text[: _MAX_TEXT_CHARS - 1] + "…"

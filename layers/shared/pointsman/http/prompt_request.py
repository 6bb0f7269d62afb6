"""What a request to begin or to follow a prompt holds, checked without a web framework and without pydantic."""

import re
from collections.abc import Iterable
from typing import NamedTuple, cast

from ..errors import InvalidToolInput, Issue
from .basics import KEY_FORM, LONGEST

__all__ = ["KEYS", "Asked", "asked", "idempotency_key", "last_event_id"]

KEYS = ("input", "model", "conversationId", "stream")
"""The members that a body may have; only the first must be there."""

_CHOICES = {"model": ("normal", "high"), "stream": ("tokens",)}
_NUMBER = re.compile(r"[0-9]{1,9}")


class Asked(NamedTuple):
    """A prompt to begin."""

    input: str
    model: str
    conversation_id: str | None
    tokens: bool


def asked(raw: object) -> Asked:
    """The body of a prompt. Raises InvalidToolInput with all that is wrong."""
    if not isinstance(raw, dict):
        raise _invalid([([], "Input should be an object")])
    given = cast("dict[str, object]", raw)
    wrong: list[tuple[list[str | int], str]] = [] if "input" in given else [(["input"], "Field required")]
    for name, value in given.items():
        if name not in KEYS:
            wrong.append(([name[:LONGEST]], "Extra inputs are not permitted"))
        elif not isinstance(value, str):
            wrong.append(([name], "Input should be a valid string"))
        elif name in _CHOICES and value not in _CHOICES[name]:
            wrong.append(([name], f"Input should be {' or '.join(map(repr, _CHOICES[name]))}"))
    if wrong:
        raise _invalid(wrong)
    text = cast("dict[str, str]", raw)
    return Asked(text["input"], text.get("model", "normal"), text.get("conversationId"), "stream" in text)


def idempotency_key(values: list[str]) -> str | None:
    """The key that a request came with. Raises InvalidToolInput."""
    if not values:
        return None
    if len(values) > 1 or not KEY_FORM.fullmatch(values[0]):
        raise _invalid([(["Idempotency-Key"], "It must be given once, with 1 to 255 visible ASCII characters")])
    return values[0]


def last_event_id(headers: list[str], query: list[str]) -> int:
    """The last event that a client has, by the header or else by the query; 0 for none. Raises InvalidToolInput."""
    values = headers or query
    if not values or values == [""]:
        return 0
    if len(values) > 1 or not _NUMBER.fullmatch(values[0]):
        raise _invalid([(["Last-Event-ID"], "It must be the id of an event of this prompt")])
    return int(values[0])


def _invalid(wrong: Iterable[tuple[list[str | int], str]]) -> InvalidToolInput:
    issues: list[Issue] = [{"path": path, "message": message} for path, message in wrong]
    return InvalidToolInput("The request is not valid", issues)

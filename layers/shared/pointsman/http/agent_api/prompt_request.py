"""What a request to begin or to follow a prompt holds, checked without a web framework and without pydantic."""

import re
from collections.abc import Iterable
from typing import NamedTuple, cast

from ...errors import InvalidToolInput, Issue
from ..common import IDEMPOTENCY_KEY_PATTERN, IDEMPOTENCY_KEY_RULE, MAX_ECHOED_CHARS

__all__ = ["BODY_FIELDS", "PromptRequest", "parse_idempotency_key", "parse_last_event_id", "parse_prompt_request"]

BODY_FIELDS = ("input", "model", "conversationId", "stream")
"""The members that a body may have; only the first must be there."""

_ALLOWED_VALUES = {"model": ("normal", "high"), "stream": ("tokens",)}
_EVENT_ID_PATTERN = re.compile(r"[0-9]{1,9}")


class PromptRequest(NamedTuple):
    """A prompt to begin."""

    input: str
    model: str
    conversation_id: str | None
    tokens: bool


def parse_prompt_request(raw: object) -> PromptRequest:
    """The body of a prompt. Raises InvalidToolInput with all that is wrong."""
    if not isinstance(raw, dict):
        raise _validation_error([([], "Input should be an object")])
    body = cast("dict[str, object]", raw)
    problems: list[tuple[list[str | int], str]] = [] if "input" in body else [(["input"], "Field required")]
    for name, value in body.items():
        if name not in BODY_FIELDS:
            problems.append(([name[:MAX_ECHOED_CHARS]], "Extra inputs are not permitted"))
        elif not isinstance(value, str):
            problems.append(([name], "Input should be a valid string"))
        elif name in _ALLOWED_VALUES and value not in _ALLOWED_VALUES[name]:
            problems.append(([name], f"Input should be {' or '.join(map(repr, _ALLOWED_VALUES[name]))}"))
    if problems:
        raise _validation_error(problems)
    fields = cast("dict[str, str]", raw)
    return PromptRequest(
        fields["input"], fields.get("model", "normal"), fields.get("conversationId"), "stream" in fields
    )


def parse_idempotency_key(values: list[str]) -> str | None:
    """The key that a request came with. Raises InvalidToolInput."""
    if not values:
        return None
    if len(values) > 1 or not IDEMPOTENCY_KEY_PATTERN.fullmatch(values[0]):
        raise _validation_error([(["Idempotency-Key"], f"It must be given once, with {IDEMPOTENCY_KEY_RULE}")])
    return values[0]


def parse_last_event_id(headers: list[str], query: list[str]) -> int:
    """The last event that a client has, by the header or else by the query; 0 for none. Raises InvalidToolInput."""
    values = headers or query
    if not values or values == [""]:
        return 0
    if len(values) > 1 or not _EVENT_ID_PATTERN.fullmatch(values[0]):
        raise _validation_error([(["Last-Event-ID"], "It must be the id of an event of this prompt")])
    return int(values[0])


def _validation_error(problems: Iterable[tuple[list[str | int], str]]) -> InvalidToolInput:
    issues: list[Issue] = [{"path": path, "message": message} for path, message in problems]
    return InvalidToolInput("The request is not valid", issues)

"""Body and headers of requests to the streaming endpoints, validated without a web framework and without pydantic."""

import re
from typing import NamedTuple, cast

from ...errors import InvalidToolInput, Issue
from ...prompts.event_subscription import BEGINNING, EventPosition
from ..common import IDEMPOTENCY_KEY_PATTERN, IDEMPOTENCY_KEY_RULE, MAX_ECHOED_CHARS

__all__ = [
    "PromptRequest",
    "parse_event_selection",
    "parse_idempotency_key",
    "parse_last_event_id",
    "parse_prompt_request",
]

_BODY_FIELDS = ("input", "model", "conversationId", "stream")
"""The fields of the body of `POST /prompt`; only the first is required."""

_ALLOWED_VALUES = {"model": ("normal", "high"), "stream": ("tokens",)}
_EVENT_ID_PATTERN = re.compile(r"([0-9]{1,9})(?:\.([1-9][0-9]{0,8}))?")


class PromptRequest(NamedTuple):
    """The body of `POST /prompt`. `tokens`: whether text deltas are requested."""

    input: str
    model: str
    conversation_id: str | None
    tokens: bool


def parse_prompt_request(raw: object) -> PromptRequest:
    """Validate the JSON body of `POST /prompt`.

    Raises:
        InvalidToolInput: with all issues of the body.
    """
    if not isinstance(raw, dict):
        raise _validation_error(_issue("Input should be an object"))
    body = cast("dict[str, object]", raw)
    issues = [] if "input" in body else [_issue("Field required", "input")]
    for name, value in body.items():
        if name not in _BODY_FIELDS:
            issues.append(_issue("Extra inputs are not permitted", name[:MAX_ECHOED_CHARS]))
        elif not isinstance(value, str):
            issues.append(_issue("Input should be a valid string", name))
        elif name in _ALLOWED_VALUES and value not in _ALLOWED_VALUES[name]:
            issues.append(_issue(f"Input should be {' or '.join(map(repr, _ALLOWED_VALUES[name]))}", name))
    if issues:
        raise _validation_error(*issues)
    fields = cast("dict[str, str]", raw)
    return PromptRequest(
        fields["input"], fields.get("model", "normal"), fields.get("conversationId"), "stream" in fields
    )


def parse_idempotency_key(values: list[str]) -> str | None:
    """Validate the values of the header Idempotency-Key; None without one.

    Raises:
        InvalidToolInput: the header is repeated, or the key breaks the rule for keys.
    """
    if not values:
        return None
    if len(values) > 1 or not IDEMPOTENCY_KEY_PATTERN.fullmatch(values[0]):
        raise _validation_error(_issue(f"It must be given once, with {IDEMPOTENCY_KEY_RULE}", "Idempotency-Key"))
    return values[0]


def parse_last_event_id(headers: list[str], query: list[str]) -> EventPosition:
    """Validate the id of the last event that a client has received; BEGINNING for none.

    Args:
        headers: the values of the header Last-Event-ID, which takes precedence.
        query: the values of the query parameter `lastEventId`.

    Raises:
        InvalidToolInput: there are several, or it is not the id of an event.
    """
    values = headers or query
    if not values or values == [""]:
        return BEGINNING
    match = _EVENT_ID_PATTERN.fullmatch(values[0])
    if len(values) > 1 or not match:
        raise _validation_error(_issue("It must be the id of an event of this prompt", "Last-Event-ID"))
    return EventPosition(int(match[1]), int(match[2] or 0))


def parse_event_selection(query: list[str]) -> bool:
    """Validate the query parameter `events`; return whether the events of tool calls are requested too.

    Raises:
        InvalidToolInput: it is repeated, or not `all`.
    """
    if query not in ([], ["all"]):
        raise _validation_error(_issue("Input should be 'all', once", "events"))
    return bool(query)


def _issue(message: str, *path: str) -> Issue:
    return {"path": [*path], "message": message}


def _validation_error(*issues: Issue) -> InvalidToolInput:
    return InvalidToolInput("The request is not valid", issues)

"""A request of either protocol, validated: a user's message, or answers to approvals. Loads no pydantic."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, cast

from ...errors import InvalidToolInput
from ..common import MAX_ECHOED_CHARS
from .event_mapping import EventMapping, parse_approval_id

__all__ = [
    "ApprovalAnswer",
    "ChatRequest",
    "UserMessage",
    "invalid_request",
    "parse_decision",
    "parse_id",
    "parse_members",
    "parse_messages",
    "parse_model",
    "parse_text_parts",
    "parse_thread_id",
    "require_few_answers",
]

_MAX_THREAD_ID_CHARS, _MAX_ID_CHARS = 128, 255
_MAX_ANSWERS = 20
_MAX_REASON_CHARS = 2000
_MODELS = ("normal", "high")


class UserMessage(NamedTuple):
    """The message that a request submits."""

    id: str
    text: str
    model: str


class ApprovalAnswer(NamedTuple):
    """A user's answer to an approval; without one, `is_approved` is None: the user leaves it, and it is rejected."""

    approval_id: str
    is_approved: bool | None
    reason: str | None

    @property
    def call_id(self) -> str:
        """The model's id of the call."""
        return parse_approval_id(self.approval_id)[1]


class ChatRequest(NamedTuple):
    """A valid request; it has a message or answers.

    Attributes:
        thread_id: the client's id of the conversation.
        message: the message that it submits.
        answers: the answers that it gives in place of a message.
        shown_calls: the ids of tool calls that the client shows already.
        create_mapping: makes the mapping of the response, for a prompt's id and the ids of the calls after which the
            response goes on; without such, it begins with the prompt.
    """

    thread_id: str
    message: UserMessage | None
    answers: list[ApprovalAnswer]
    shown_calls: Collection[str]
    create_mapping: Callable[[str, Collection[str]], EventMapping]


def invalid_request(message: str, *path: str | int) -> InvalidToolInput:
    """Make the error of a request with one problem."""
    return InvalidToolInput("The request is not valid", [{"path": [*path], "message": message}])


def parse_members(raw: object, names: Collection[str], *path: str | int) -> Mapping[str, object]:
    """Return an object whose members may be these only; members that are null count as missing.

    Raises:
        InvalidToolInput: it is no object, or has others.
    """
    if not isinstance(raw, dict):
        raise invalid_request("Input should be an object", *path)
    members = cast("dict[str, object]", raw)
    for name in members:
        if name not in names:
            message = f"Extra inputs are not permitted; it may have {', '.join(names) or 'none'}"
            raise invalid_request(message, *path, name[:MAX_ECHOED_CHARS])
    return {name: value for name, value in members.items() if value is not None}


def require_type(raw: object, kind: type[str] | type[list[object]], *path: str | int) -> None:
    """Require a text or a list, where the member is there and not null.

    Raises:
        InvalidToolInput: it is something else.
    """
    if raw is not None and not isinstance(raw, kind):
        raise invalid_request(f"Input should be a valid {'string' if kind is str else 'list'}", *path)


def parse_id(raw: object, *path: str | int, limit: int = _MAX_ID_CHARS) -> str:
    """Return a client's id. Raises InvalidToolInput unless it is a string of 1 to `limit` characters."""
    if not isinstance(raw, str) or not 1 <= len(raw) <= limit:
        raise invalid_request(f"It must be a string of 1 to {limit} characters", *path)
    return raw


def parse_thread_id(raw: object, *path: str) -> str:
    """Return a client's id of a conversation. Raises InvalidToolInput unless it has 1 to 128 characters."""
    return parse_id(raw, *path, limit=_MAX_THREAD_ID_CHARS)


def parse_model(raw: object, *path: str) -> str:
    """Return the name of the model, `normal` by default. Raises InvalidToolInput for one that there is not."""
    if raw is None:
        return _MODELS[0]
    if not isinstance(raw, str) or raw not in _MODELS:
        raise invalid_request(f"Input should be {' or '.join(map(repr, _MODELS))}", *path)
    return raw


def parse_messages(raw: object) -> list[dict[str, object]]:
    """Return the client's messages. Only their being objects is checked: few of them are read.

    Raises:
        InvalidToolInput: it is no list of objects, or empty.
    """
    messages = cast("list[object]", raw) if isinstance(raw, list) else []
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise invalid_request("It must be a list of messages, with one at least", "messages")
    return cast("list[dict[str, object]]", messages)


def parse_text_parts(raw: object, *path: str | int) -> str:
    """Return the text of a message's parts, each on lines of its own.

    Raises:
        InvalidToolInput: there are others than text parts, or none.
    """
    if not isinstance(raw, list) or not raw:
        raise invalid_request("It must be a list of text parts, with one at least", *path)
    texts: list[str] = []
    for number, part in enumerate(cast("list[object]", raw)):
        fields = cast("dict[str, object]", part) if isinstance(part, dict) else {}
        text = fields.get("text")
        if fields.get("type") != "text" or not isinstance(text, str):
            raise invalid_request("Only text parts are supported: remove this part, or say it in text", *path, number)
        texts.append(text)
    return "\n".join(texts)


def parse_decision(raw: Mapping[str, object], *path: str | int) -> tuple[bool, str | None]:
    """Return an answer's `approved` and `reason`. Raises InvalidToolInput unless it has a boolean and a text."""
    is_approved, reason = raw.get("approved"), raw.get("reason")
    if not isinstance(is_approved, bool):
        raise invalid_request("It must be true or false", *path, "approved")
    if reason is not None and (not isinstance(reason, str) or len(reason) > _MAX_REASON_CHARS):
        raise invalid_request(f"It must be a string of at most {_MAX_REASON_CHARS} characters", *path, "reason")
    return is_approved, reason


def require_few_answers(answers: Collection[object], *path: str) -> None:
    """Raise InvalidToolInput if a request answers more approvals than it may."""
    if len(answers) > _MAX_ANSWERS:
        raise invalid_request(f"A request may answer {_MAX_ANSWERS} approvals; answer the others after it", *path)

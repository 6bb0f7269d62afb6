"""The events of a prompt's stream, as dataclasses; docs/api.md says when each comes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UNEXPECTED_RESPONSE, PointsmanError

__all__ = [
    "ApprovalAsked",
    "ApprovalDecided",
    "CallStarted",
    "Event",
    "FileOutput",
    "PromptCompleted",
    "PromptCreated",
    "PromptFailed",
    "TextDelta",
    "TextOutput",
    "ToolOutput",
    "parse_event",
]


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of a kind that this version does not know, or one of the classes below.

    Attributes:
        id: what `Last-Event-ID` takes to go on after it; None of a text delta, which is never sent again.
        event: the name on the wire, such as `prompt.output`.
        data: what was sent, as JSON values.
    """

    id: str | None
    event: str
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class PromptCreated(Event):
    """The first event."""

    prompt_id: str


@dataclass(frozen=True, kw_only=True)
class TextOutput(Event):
    """A finished text of the model."""

    content: str


@dataclass(frozen=True, kw_only=True)
class ToolOutput(Event):
    """A call that has ended.

    Attributes:
        output: what the tool has returned; None where it failed.
        error: why it failed, was rejected, or was not decided in time; None where it succeeded.
    """

    tool_call_id: str
    tool_name: str
    input: Any
    output: Any
    error: str | None


@dataclass(frozen=True, kw_only=True)
class FileOutput(Event):
    """A file that a tool has written."""

    path: str
    mime_type: str | None
    description: str | None


@dataclass(frozen=True, kw_only=True)
class ApprovalAsked(Event):
    """A call that waits until a person approves or rejects it. A replay shows it also when it has been decided."""

    prompt_id: str
    tool_call_id: str
    tool_name: str
    input: Any
    reason: str


@dataclass(frozen=True, kw_only=True)
class TextDelta(Event):
    """A piece of text while the model produces it; the whole text comes as `TextOutput`.

    Attributes:
        reset: the model begins again: the pieces since the last other event do not count.
    """

    text: str
    reset: bool


@dataclass(frozen=True, kw_only=True)
class CallStarted(Event):
    """A tool begins to run (with `all_events`)."""

    tool_call_id: str
    tool_name: str
    input: Any


@dataclass(frozen=True, kw_only=True)
class ApprovalDecided(Event):
    """An approval was decided (with `all_events`).

    Attributes:
        decision: `approved`, `rejected` or `expired`.
        decided_by: the user who has decided; None where nobody has.
    """

    tool_call_id: str
    decision: str
    reason: str | None
    decided_by: str | None


@dataclass(frozen=True, kw_only=True)
class PromptCompleted(Event):
    """The last event of a prompt that has succeeded.

    Attributes:
        usage: tokens of all turns: `inputTokens`, `outputTokens`, `totalTokens`.
    """

    prompt_id: str
    usage: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class PromptFailed(Event):
    """The last event of a prompt that has failed or was cancelled."""

    message: str


def _build_output(base: dict[str, Any], data: Mapping[str, Any]) -> Event:
    match data["type"]:
        case "text":
            return TextOutput(**base, content=data["content"])
        case "tool":
            result = data["result"]
            return ToolOutput(
                **base,
                tool_call_id=data["id"],
                tool_name=data["function"],
                input=data["input"],
                output=result.get("output"),
                error=result.get("error"),
            )
        case "file":
            return FileOutput(
                **base, path=data["path"], mime_type=data.get("mimeType"), description=data.get("description")
            )
        case _:
            return Event(**base)


def _build_approval(base: dict[str, Any], data: Mapping[str, Any]) -> Event:
    return ApprovalAsked(
        **base,
        prompt_id=data["promptId"],
        tool_call_id=data["toolCallId"],
        tool_name=data["toolName"],
        input=data["input"],
        reason=data["reason"],
    )


def _build_decision(base: dict[str, Any], data: Mapping[str, Any]) -> Event:
    return ApprovalDecided(
        **base,
        tool_call_id=data["toolCallId"],
        decision=data["decision"],
        reason=data.get("reason"),
        decided_by=data.get("decidedBy"),
    )


def _build_start(base: dict[str, Any], data: Mapping[str, Any]) -> Event:
    return CallStarted(**base, tool_call_id=data["toolCallId"], tool_name=data["toolName"], input=data["input"])


BUILDERS: Mapping[str, Callable[[dict[str, Any], Mapping[str, Any]], Event]] = {
    "prompt.created": lambda base, data: PromptCreated(**base, prompt_id=data["promptId"]),
    "prompt.output": _build_output,
    "prompt.approval": _build_approval,
    "prompt.delta": lambda base, data: TextDelta(**base, text=data["text"], reset=bool(data.get("reset"))),
    "prompt.call": _build_start,
    "prompt.decided": _build_decision,
    "prompt.completed": lambda base, data: PromptCompleted(**base, prompt_id=data["promptId"], usage=data["usage"]),
    "error": lambda base, data: PromptFailed(**base, message=data["message"]),
}
"""How the data of each kind is read, by the name on the wire."""


def parse_event(event: str, text: str, event_id: str | None) -> Event:
    """Build the event from the fields of a server-sent event.

    Raises:
        PointsmanError: the data is not what the API sends.
    """
    try:
        data = json.loads(text)
        base: dict[str, Any] = {"id": event_id, "event": event, "data": data}
        return BUILDERS[event](base, data) if event in BUILDERS else Event(**base)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"The event {event} is not as the API's document says ({type(error).__name__})"
        raise PointsmanError(message, code=UNEXPECTED_RESPONSE) from error

"""What the document says of the endpoints that stream, which no web framework serves. No function loads this."""

from collections.abc import Callable, Mapping
from typing import Any

from .agent_answers import DECIDING
from .document import KEY
from .prompt_answers import (
    ApprovalAsked,
    Delta,
    Failed,
    FileOutput,
    PromptCompleted,
    PromptCreated,
    TextOutput,
    ToolOutput,
)
from .whole_document import AGENT_TAG, Document, refusals

__all__ = ["STREAMED", "streaming_paths"]

_EVENTS: Mapping[str, tuple[str, tuple[type[Any], ...]]] = {
    "prompt.created": ("At once", (PromptCreated,)),
    "prompt.output": ("One finished output", (TextOutput, ToolOutput, FileOutput)),
    "prompt.approval": ("A person must decide about this call; until then the stream waits", (ApprovalAsked,)),
    "prompt.completed": ("The last", (PromptCompleted,)),
    "error": ("The last, in place of it", (Failed,)),
    "prompt.delta": ("A piece of text, where the prompt was begun with `stream`; without an id", (Delta,)),
}
"""What each event tells, and the types of its data."""

_UNNUMBERED = ("prompt.delta",)

STREAMED = tuple(kind for _, kinds in _EVENTS.values() for kind in kinds)

_LASTING = """
Each event but `prompt.delta` has an `id`, its number within the prompt. While nothing happens comments come. A stream
ends after at most 15 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-Event-ID` goes on
with it."""

_INPUT = {"type": "string", "minLength": 1, "pattern": r"^[^\u0000]*\S[^\u0000]*$", "description": "What the user says"}
_BODY: Document = {
    "type": "object",
    "properties": {
        "input": _INPUT,
        "model": {"type": "string", "enum": ["normal", "high"], "default": "normal"},
        "conversationId": {"type": "string", "description": "The conversation that this prompt goes on with"},
        "stream": {"type": "string", "enum": ["tokens"], "description": "Let the text be followed while it comes"},
    },
    "required": ["input"],
    "additionalProperties": False,
}

_KEY = {
    **KEY,
    "description": "A name of this request: sent again with it, it follows the prompt that the first has begun",
}
_SINCE = {"description": "The last event that the client has", "schema": {"type": "string", "pattern": "^[0-9]{1,9}$"}}


def streaming_paths(reference: Callable[[type[Any]], Document]) -> Document:
    """The paths for the prefix /api. `reference` makes a reference to the schema of a type."""
    stream = _stream(reference)
    begin: Document = {
        "tags": [AGENT_TAG],
        "summary": "Begin a prompt, and follow it",
        "description": "The answer is a stream of events." + _LASTING,
        "operationId": "prompt",
        "parameters": [_KEY],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}},
        "responses": {
            "200": stream,
            **refusals(
                "NOT_FOUND", "CONVERSATION_BUSY", "IDEMPOTENCY_KEY_REUSED", "PAYLOAD_TOO_LARGE", "VALIDATION_ERROR",
                "FEATURE_UNAVAILABLE", "DATABASE_UNAVAILABLE", "START_FAILED",
            ),
        },
    }  # fmt: skip
    follow: Document = {
        "tags": [AGENT_TAG],
        "summary": "Follow a prompt, from any event on",
        "description": "A prompt that has ended is told again." + _LASTING,
        "operationId": "prompt_stream",
        "parameters": [
            {"name": "promptId", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}},
            {"name": "Last-Event-ID", "in": "header", "required": False, **_SINCE},
            {"name": "lastEventId", "in": "query", "required": False, **_SINCE},
        ],
        "responses": {
            "200": stream,
            "204": {"description": "The prompt has ended with the event that the client has; there is no more"},
            **refusals(*DECIDING),
        },
    }
    return {"/api/prompt": {"post": begin}, "/api/prompts/{promptId}/stream": {"get": follow}}


def _stream(reference: Callable[[type[Any]], Document]) -> Document:
    """The schema is of one event, as later versions of OpenAPI say it of an item of a stream."""
    events = [_event(name, meaning, [reference(kind) for kind in kinds]) for name, (meaning, kinds) in _EVENTS.items()]
    return {"description": "The prompt's events", "content": {"text/event-stream": {"schema": {"oneOf": events}}}}


def _event(name: str, meaning: str, kinds: list[Document]) -> Document:
    data = kinds[0] if len(kinds) == 1 else {"oneOf": kinds}
    properties: Document = {
        "event": {"const": name},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": data},
    }
    if name not in _UNNUMBERED:
        properties["id"] = {"type": "string", "pattern": "^[1-9][0-9]*$"}
    return {"type": "object", "description": meaning, "properties": properties, "required": [*properties]}

"""The paths of the streaming endpoints in the OpenAPI document, written out: no FastAPI app declares them."""

from collections.abc import Callable, Mapping
from typing import Any

from ..agent_api.prompt_models import (
    ApprovalAsked,
    ApprovalDecided,
    CallStarted,
    Delta,
    Failed,
    FileOutput,
    PromptCompleted,
    PromptCreated,
    TextOutput,
    ToolOutput,
)
from ..agent_api.route_spec import DECISION_ERROR_CODES
from .components import SchemaComponents
from .examples import make_example
from .schema import AGENT_TAG, Document, build_error_responses, idempotency_key_parameter, json_content, path_parameter

__all__ = ["EVENT_DATA_TYPES", "build_prompt_paths"]

_STREAM_EVENTS: Mapping[str, tuple[str, str, tuple[type[Any], ...]]] = {
    "prompt.created": ("PromptCreatedEvent", "At once", (PromptCreated,)),
    "prompt.output": ("PromptOutputEvent", "One finished output", (TextOutput, ToolOutput, FileOutput)),
    "prompt.approval": (
        "PromptApprovalEvent",
        "A person must decide about this call; until then the stream waits",
        (ApprovalAsked,),
    ),
    "prompt.decided": (
        "PromptDecidedEvent",
        "The approval was decided or has expired; with `events=all` only",
        (ApprovalDecided,),
    ),
    "prompt.call": ("PromptCallEvent", "A tool begins to run; with `events=all` only", (CallStarted,)),
    "prompt.completed": ("PromptCompletedEvent", "The last", (PromptCompleted,)),
    "error": ("PromptErrorEvent", "The last, in place of it", (Failed,)),
    "prompt.delta": (
        "PromptDeltaEvent",
        "A piece of text, where the prompt was begun with `stream`; without an id",
        (Delta,),
    ),
}
"""The name of each event's schema, its description, and the types of its data."""

_EXAMPLE_EVENTS = ("prompt.created", "prompt.output", "prompt.completed")

_STREAM_MEDIA_TYPE = "text/event-stream"
_EVENTS_WITHOUT_ID = ("prompt.delta",)
_CALL_EVENTS = ("prompt.call", "prompt.decided")

EVENT_DATA_TYPES = tuple(model for _, _, models in _STREAM_EVENTS.values() for model in models)
"""The types of the data of all events."""

_STREAM_LIFETIME = """
Each event but `prompt.delta` has an `id`, its number within the prompt. Those of tool calls, which come with
`events=all`, are numbered after the event that they follow: `3.1`, `3.2`. While nothing happens comments come. A stream
ends after at most 2 minutes, whatever the prompt does; `GET /prompts/{promptId}/stream` with `Last-Event-ID` goes on
with it."""

_INPUT_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "pattern": r"^[^\u0000]*\S[^\u0000]*$",
    "description": "What the user says",
}
_BODY_SCHEMA: Document = {
    "type": "object",
    "properties": {
        "input": _INPUT_SCHEMA,
        "model": {"type": "string", "enum": ["normal", "high"], "default": "normal"},
        "conversationId": {"type": "string", "description": "The conversation that this prompt goes on with"},
        "stream": {"type": "string", "enum": ["tokens"], "description": "Let the text be followed while it comes"},
    },
    "required": ["input"],
    "additionalProperties": False,
}

_IDEMPOTENCY_KEY = idempotency_key_parameter(
    "A name of this request: sent again with it, it follows the prompt that the first has begun"
)
_LAST_EVENT_ID = {
    "description": "The last event that the client has",
    "schema": {"type": "string", "pattern": r"^[0-9]{1,9}(\.[1-9][0-9]{0,8})?$"},
}
_EVENTS = {
    "name": "events",
    "in": "query",
    "required": False,
    "description": "Send the events of tool calls too: `prompt.call` and `prompt.decided`",
    "schema": {"type": "string", "enum": ["all"]},
}


def build_prompt_paths(components: SchemaComponents, make_reference: Callable[[type[Any]], Document]) -> Document:
    """Describe the streaming endpoints, for the prefix /api.

    Args:
        components: the document's schemas, with those of EVENT_DATA_TYPES; the events' are added.
        make_reference: makes a reference (`$ref`) to the schema of a type of EVENT_DATA_TYPES.
    """
    stream_response = _build_stream_response(components, make_reference)
    submit_operation: Document = {
        "tags": [AGENT_TAG],
        "summary": "Begin a prompt, and follow it",
        "description": "The answer is a stream of events." + _STREAM_LIFETIME,
        "operationId": "submitPrompt",
        "parameters": [_IDEMPOTENCY_KEY, _EVENTS],
        "requestBody": {"required": True, "content": json_content(_BODY_SCHEMA)},
        "responses": {
            "200": stream_response,
            **build_error_responses(
                "NOT_FOUND", "CONVERSATION_BUSY", "IDEMPOTENCY_KEY_REUSED", "PAYLOAD_TOO_LARGE", "VALIDATION_ERROR",
                "FEATURE_UNAVAILABLE", "QUOTA_EXCEEDED", "DATABASE_UNAVAILABLE", "MAINTENANCE", "START_FAILED",
            ),
        },
    }  # fmt: skip
    follow_operation: Document = {
        "tags": [AGENT_TAG],
        "summary": "Follow a prompt, from any event on",
        "description": "A prompt that has ended is told again." + _STREAM_LIFETIME,
        "operationId": "followPrompt",
        "parameters": [
            path_parameter("promptId"),
            {"name": "Last-Event-ID", "in": "header", "required": False, **_LAST_EVENT_ID},
            {"name": "lastEventId", "in": "query", "required": False, **_LAST_EVENT_ID},
            _EVENTS,
        ],
        "responses": {
            "200": stream_response,
            "204": {"description": "The prompt has ended with the event that the client has; there is no more"},
            **build_error_responses(*(code for code in DECISION_ERROR_CODES if code != "FORBIDDEN"), "QUOTA_EXCEEDED"),
        },
    }
    return {"/api/prompt": {"post": submit_operation}, "/api/prompts/{promptId}/stream": {"get": follow_operation}}


def _build_stream_response(components: SchemaComponents, make_reference: Callable[[type[Any]], Document]) -> Document:
    """Describe a stream, for readers of one event (as `itemSchema` of OpenAPI 3.2) and for those of the whole text."""
    references = [
        components.add(_build_event_schema(event, meaning, [make_reference(model) for model in models]), name)
        for event, (name, meaning, models) in _STREAM_EVENTS.items()
    ]
    event_reference = components.add({"description": "One event of a stream", "oneOf": references}, "PromptEvent")
    stream_schema = {"anyOf": [event_reference, {"type": "string", "description": "All events as text"}]}
    example = "".join(
        f"event: {event}\nid: {number}\ndata: {_make_data_example(components, event)}\n\n"
        for number, event in enumerate(_EXAMPLE_EVENTS, 1)
    )
    content = {_STREAM_MEDIA_TYPE: {"schema": stream_schema, "example": example}}
    return {"description": "The prompt's events", "content": content}


def _make_data_example(components: SchemaComponents, event: str) -> str:
    schema = components.schemas[_STREAM_EVENTS[event][0]]
    data: str = make_example(schema["properties"]["data"], components.schemas)
    return data


def _build_event_schema(name: str, description: str, data_schemas: list[Document]) -> Document:
    data = data_schemas[0] if len(data_schemas) == 1 else {"oneOf": data_schemas}
    properties: Document = {
        "event": {"const": name},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": data},
    }
    if name not in _EVENTS_WITHOUT_ID:
        pattern = r"^[1-9][0-9]*\.[1-9][0-9]*$" if name in _CALL_EVENTS else "^[1-9][0-9]*$"
        properties["id"] = {"type": "string", "pattern": pattern}
    return {"type": "object", "description": description, "properties": properties, "required": [*properties]}

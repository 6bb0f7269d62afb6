"""The paths of the chat protocols in the OpenAPI document. Their clients know the bodies; here they are in outline."""

from collections.abc import Mapping

from .schema import AGENT_TAG, Document, build_error_responses, json_content, path_parameter

__all__ = ["build_chat_paths"]

_ID: Document = {"type": "string", "minLength": 1, "maxLength": 255}
_THREAD_ID: Document = {"type": "string", "minLength": 1, "maxLength": 128}
_MESSAGES: Document = {"type": "array", "minItems": 1, "items": {"type": "object"}}
_MODEL: Document = {"type": ["string", "null"], "enum": ["normal", "high", None]}
_AGUI_BODY: Document = {
    "type": "object",
    "description": "AG-UI's RunAgentInput. The user's last message is submitted, unless `resume` answers approvals",
    "properties": {
        "threadId": {**_THREAD_ID, "description": "A name of the caller's for a conversation, or a conversation's id"},
        "runId": _ID,
        "messages": _MESSAGES,
        "resume": {"type": ["array", "null"], "maxItems": 20, "items": {"type": "object"}},
        "forwardedProps": {"type": ["object", "null"], "properties": {"model": _MODEL}, "additionalProperties": False},
        "state": {},
        "tools": {"type": ["array", "null"], "maxItems": 0, "items": {"type": "object"}},
        "context": {"type": ["array", "null"], "maxItems": 0, "items": {"type": "object"}},
        "parentRunId": {"type": ["string", "null"]},
        "protocolVersion": {"type": ["string", "null"]},
    },
    "required": ["threadId", "runId", "messages"],
    "additionalProperties": False,
}
_CHAT_BODY: Document = {
    "type": "object",
    "description": "What the AI SDK's DefaultChatTransport sends. The last message is submitted, or answers approvals",
    "properties": {
        "id": {**_THREAD_ID, "description": "A name of the caller's for a conversation, or a conversation's id"},
        "messages": _MESSAGES,
        "trigger": {"type": ["string", "null"], "enum": ["submit-message", None]},
        "messageId": {"type": ["string", "null"]},
        "model": _MODEL,
    },
    "required": ["id", "messages"],
    "additionalProperties": False,
}
_AGUI_MESSAGE = {"id": "message-1", "role": "user", "content": "What time is it?"}
_CHAT_MESSAGE = {"id": "message-1", "role": "user", "parts": [{"type": "text", "text": "What time is it?"}]}
_AGUI_EXAMPLE: Mapping[str, object] = {"threadId": "thread-1", "runId": "run-1", "messages": [_AGUI_MESSAGE]}
_CHAT_EXAMPLE: Mapping[str, object] = {"id": "thread-1", "messages": [_CHAT_MESSAGE], "trigger": "submit-message"}

_SUBMISSION_ERRORS = (
    "FORBIDDEN", "NOT_FOUND", "PROMPT_NOT_FOUND", "CONFLICT", "CONVERSATION_BUSY", "IDEMPOTENCY_KEY_REUSED",
    "VALIDATION_ERROR", "FEATURE_UNAVAILABLE", "QUOTA_EXCEEDED", "DATABASE_UNAVAILABLE", "MAINTENANCE", "START_FAILED",
)  # fmt: skip
_FOLLOW_ERRORS = ("NOT_FOUND", "VALIDATION_ERROR", "FEATURE_UNAVAILABLE", "QUOTA_EXCEEDED", "DATABASE_UNAVAILABLE")


def build_chat_paths() -> Document:
    """Describe the chat protocols' endpoints, for the prefix /api."""
    chat_stream = _describe_stream(
        "The chunks of the AI SDK's UI message stream", 'data: {"type":"start"}\n\ndata: [DONE]\n\n'
    )
    agui_stream = _describe_stream("The events of AG-UI", 'data: {"type":"RUN_STARTED"}\n\n')
    return {
        "/api/agui": {
            "post": {
                "tags": [AGENT_TAG],
                "summary": "Run the agent in the protocol AG-UI",
                "operationId": "runAgui",
                "requestBody": {"required": True, "content": json_content(_AGUI_BODY, _AGUI_EXAMPLE)},
                "responses": {"200": agui_stream, **build_error_responses(*_SUBMISSION_ERRORS)},
            }
        },
        "/api/chat": {
            "post": {
                "tags": [AGENT_TAG],
                "summary": "Chat in the protocol of the AI SDK",
                "operationId": "sendChatMessage",
                "requestBody": {"required": True, "content": json_content(_CHAT_BODY, _CHAT_EXAMPLE)},
                "responses": {"200": chat_stream, **build_error_responses(*_SUBMISSION_ERRORS)},
            }
        },
        "/api/chat/{chatId}/stream": {
            "get": {
                "tags": [AGENT_TAG],
                "summary": "Follow a chat's active prompt from its beginning",
                "operationId": "followChat",
                "parameters": [path_parameter("chatId")],
                "responses": {
                    "200": chat_stream,
                    "204": {"description": "No prompt of the chat is active, or ended within a minute"},
                    **build_error_responses(*_FOLLOW_ERRORS),
                },
            }
        },
    }


def _describe_stream(description: str, example: str) -> Document:
    event_schema: Document = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
    schema = {"anyOf": [event_schema, {"type": "string", "description": "All events as text"}]}
    return {"description": description, "content": {"text/event-stream": {"schema": schema, "example": example}}}

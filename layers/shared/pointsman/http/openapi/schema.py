"""Parts of OpenAPI documents that several of this package's documents share."""

from typing import Any

from ..common import IDEMPOTENCY_KEY_SCHEMA

__all__ = [
    "AGENT_TAG",
    "ERROR_CODES",
    "LICENSE",
    "SCHEMA_REF_PREFIX",
    "SERVERS",
    "SERVICES_TAG",
    "Document",
    "build_error_response",
    "build_error_responses",
    "idempotency_key_parameter",
    "json_content",
    "path_parameter",
]

Document = dict[str, Any]
"""An OpenAPI document, or an object within one."""

AGENT_TAG = "Agent API"
"""The tag of operations of the Agent API itself; tools and routes of a bundle have others."""

SERVICES_TAG = {"name": "Services API", "description": "Instances and what belongs to them, for the pool manager"}
"""The tag of operations of the Services API, with its description."""

LICENSE = {"name": "MIT", "identifier": "MIT"}
SERVERS = [{"url": "/"}]
"""Where the document comes from, there the API is."""

SCHEMA_REF_PREFIX = "#/components/schemas/"

ERROR_CODES = {
    "AUTH_REQUIRED": (401, "who is calling is not known"),
    "FORBIDDEN": (403, "the caller lacks the permission that this needs"),
    "APPROVAL_REQUIRED": (403, "a person must approve this call, and here nobody can"),
    "NOT_FOUND": (404, "there is nothing of this name"),
    "TOOL_NOT_FOUND": (404, "no tool of this id is exposed"),
    "PROMPT_NOT_FOUND": (404, "there is no such prompt of yours, or it does not wait for this"),
    "CONVERSATION_BUSY": (409, "a prompt of this conversation still runs or waits"),
    "CONFLICT": (409, "its present state does not allow it, or it was decided otherwise"),
    "WEBHOOK_LIMIT": (409, "you have as many webhooks as are allowed"),
    "IDEMPOTENCY_KEY_REUSED": (409, "the key came with another request"),
    "PAYLOAD_TOO_LARGE": (413, "the body is too large"),
    "VALIDATION_ERROR": (422, "the input does not fit; `details` tell what is wrong where"),
    "FEATURE_UNAVAILABLE": (422, "a plugin that this needs is not registered"),
    "QUOTA_EXCEEDED": (429, "a quota is used up; `details` tell which one, its limit, whose it is, and until when"),
    "RATE_LIMITED": (429, "too many of the same within a short time"),
    "TOOL_ERROR": (500, "the tool failed; the message says why"),
    "ROUTE_ERROR": (500, "the route failed; the message says why"),
    "RESPONSE_TOO_LARGE": (500, "it was done, but the response is too large to be sent; ask for less of it"),
    "INTERNAL_ERROR": (500, "something unexpected; the log tells more"),
    "MISCONFIGURED": (503, "a setting of this deployment is missing or wrong; its operators know which"),
    "MODEL_ERROR": (502, "the model or its provider failed"),
    "AUTH_UNAVAILABLE": (503, "whether the token is genuine cannot be checked now"),
    "DATABASE_UNAVAILABLE": (503, "the database cannot be reached"),
    "SECRETS_UNAVAILABLE": (503, "a secret cannot be read at present"),
    "MAINTENANCE": (503, "operators have stopped new prompts; the message says why"),
    "START_FAILED": (503, "the prompt could not be started, and was given up"),
    "DOCS_UNAVAILABLE": (503, "the script of the documentation was not packed"),
}
"""The HTTP status of each error code of the Agent API, and its meaning as the document says it."""

_COMMON_ERROR_CODES = (
    "PAYLOAD_TOO_LARGE",
    "RESPONSE_TOO_LARGE",
    "INTERNAL_ERROR",
    "MISCONFIGURED",
    "SECRETS_UNAVAILABLE",
)
"""Of every operation: a body is measured before anybody asks what it is for, and a response before it is sent."""

_EXAMPLE_ISSUES = [{"path": ["name"], "message": "Field required"}]


def build_error_responses(*error_codes: str, public: bool = False) -> Document:
    """Describe the error responses of an operation of the Agent API, by status.

    Args:
        error_codes: the operation's own codes; those that every operation has are added.
        public: whether the operation is served without an authenticated user.
    """
    all_codes = [*error_codes, *_COMMON_ERROR_CODES, *(() if public else ("AUTH_REQUIRED", "AUTH_UNAVAILABLE"))]
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(all_codes):
        by_status.setdefault(ERROR_CODES[code][0], []).append(code)
    responses: Document = {}
    for status, codes in sorted(by_status.items()):
        description = "; ".join(f"`{code}`: {ERROR_CODES[code][1]}" for code in codes)
        responses[str(status)] = build_error_response(description, *codes)
    if rate_limited := responses.get("429"):
        rate_limited["headers"] = {
            "Retry-After": {"description": "Seconds until a retry may succeed", "schema": {"type": "integer"}}
        }
    return responses


def build_error_response(description: str, *error_codes: str) -> Document:
    """Describe one error response of the Agent API, with an example for each of the codes."""
    content = json_content({"$ref": f"{SCHEMA_REF_PREFIX}AgentError"})
    content["application/json"]["examples"] = {code: {"value": _make_error_example(code)} for code in error_codes}
    return {"description": description, "content": content}


def _make_error_example(code: str) -> Document:
    meaning = ERROR_CODES[code][1].partition(";")[0]
    details = {"details": _EXAMPLE_ISSUES} if code == "VALIDATION_ERROR" else {}
    return {"error": {"code": code, "message": meaning[:1].upper() + meaning[1:], **details}}


def path_parameter(name: str) -> Document:
    """Describe a parameter in the path: any text but an empty one."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def idempotency_key_parameter(description: str) -> Document:
    """Describe the header Idempotency-Key; `description` says what a repeat gets."""
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": description,
        "schema": IDEMPOTENCY_KEY_SCHEMA,
    }


def json_content(schema: Document, example: object = None) -> Document:
    """Describe a JSON body as the `content` of a request or response."""
    return {"application/json": {"schema": schema, **({} if example is None else {"example": example})}}

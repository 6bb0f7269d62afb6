"""What a route of the Agent API declares for the OpenAPI document."""

from typing import Any, NamedTuple

from pydantic import BaseModel

from ..common import ROUTE_SPEC_KEY

__all__ = ["DECISION_ERROR_CODES", "TOOL_CALL_ERROR_CODES", "AgentRouteSpec", "describe_agent_route"]

TOOL_CALL_ERROR_CODES = ("FORBIDDEN", "VALIDATION_ERROR", "PAYLOAD_TOO_LARGE", "APPROVAL_REQUIRED", "TOOL_ERROR")
"""Codes of errors of a call of an existing tool."""

DECISION_ERROR_CODES = (
    "FORBIDDEN",
    "PROMPT_NOT_FOUND",
    "VALIDATION_ERROR",
    "PAYLOAD_TOO_LARGE",
    "DATABASE_UNAVAILABLE",
)
"""Codes of errors of a decision about a tool call of a prompt."""


class AgentRouteSpec(NamedTuple):
    """A route's declaration; `describe_agent_route` says what each field means."""

    response_model: type[Any] | None
    error_codes: tuple[str, ...]
    public: bool
    media_type: str
    request_model: type[BaseModel] | None
    query_model: type[BaseModel] | None
    accepts_idempotency_key: bool
    has_no_body: bool


def describe_agent_route(
    response_model: type[Any] | None,
    *error_codes: str,
    public: bool = False,
    media_type: str = "application/json",
    request_model: type[BaseModel] | None = None,
    query_model: type[BaseModel] | None = None,
    accepts_idempotency_key: bool = False,
    has_no_body: bool = False,
) -> dict[str, Any]:
    """Make the `openapi_extra` of a route.

    Args:
        response_model: the type of the body at 200; None for a body without a schema.
        error_codes: codes of its errors besides those that every route has.
        public: whether it is served without an authenticated user.
        media_type: of the body at 200.
        request_model: the type of the request's body. Without one, a route with the code VALIDATION_ERROR takes any
            object, and another route no body.
        query_model: the type of the query's parameters, if it has any.
        accepts_idempotency_key: whether it is served once per Idempotency-Key.
        has_no_body: whether it takes no body although it has the code VALIDATION_ERROR.
    """
    return {
        ROUTE_SPEC_KEY: AgentRouteSpec(
            response_model, error_codes, public, media_type, request_model, query_model, accepts_idempotency_key,
            has_no_body,
        )
    }  # fmt: skip

"""What the Agent API answers, as types: for the routes that write it and for the OpenAPI document."""

from typing import Any, NamedTuple, NotRequired

from pydantic import BaseModel
from typing_extensions import TypedDict

from ..services_api.models import ROUTE_SPEC_KEY

__all__ = [
    "DECISION_ERROR_CODES",
    "TOOL_CALL_ERROR_CODES",
    "AgentError",
    "AgentRouteSpec",
    "Capabilities",
    "Problem",
    "ToolListing",
    "ToolResult",
    "Tools",
    "describe_agent_route",
]


TOOL_CALL_ERROR_CODES = ("VALIDATION_ERROR", "PAYLOAD_TOO_LARGE", "APPROVAL_REQUIRED", "TOOL_ERROR")
"""Why a call of a tool that there is can be refused, or fail."""

DECISION_ERROR_CODES = ("PROMPT_NOT_FOUND", "VALIDATION_ERROR", "PAYLOAD_TOO_LARGE", "DATABASE_UNAVAILABLE")
"""Why a decision about a prompt can be refused."""


class Problem(TypedDict):
    """What went wrong. `details` are there where there are any: for VALIDATION_ERROR a list of what is wrong where."""

    code: str
    message: str
    details: NotRequired[Any]


class AgentError(TypedDict):
    """Every answer of the Agent API with a status from 400 on."""

    error: Problem


class Capabilities(TypedDict):
    """The ids of the plugins, in the order in which they were registered."""

    plugins: list[str]


class ToolListing(TypedDict):
    """A tool; `input` and `output` are JSON Schemas."""

    id: str
    description: str
    tag: NotRequired[str]
    input: dict[str, Any]
    output: dict[str, Any]


class Tools(TypedDict):
    tools: list[ToolListing]


class ToolResult(TypedDict):
    """What the tool returned; its schema is in its listing, and in the operation of its own."""

    result: Any


class AgentRouteSpec(NamedTuple):
    """What a route tells of itself; `answering` says what each part means."""

    response_model: type[Any] | None
    error_codes: tuple[str, ...]
    public: bool
    media_type: str
    request_model: type[BaseModel] | None


def describe_agent_route(
    response_model: type[Any] | None,
    *error_codes: str,
    public: bool = False,
    media_type: str = "application/json",
    request_model: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """The `openapi_extra` of a route: its body at 200, of which nothing is said where it is None, that body's media
    type, the codes of its errors besides those that every route has, whether it is `public`, and the request's body,
    which is any object where a route that can refuse one names none."""
    return {ROUTE_SPEC_KEY: AgentRouteSpec(response_model, error_codes, public, media_type, request_model)}

"""What the Agent API's apps share without a web framework: who is calling, errors in part B's shape, other origins."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ...errors import AuthRequired, AuthUnavailable, InvalidToolInput, PointsmanError, RouteFailed, ToolFailed
from ...settings.api import load_cors_origins
from ..common import (
    INVALID_JSON_MESSAGE,
    GatewayEvent,
    describe_routing_error,
    log_if_server_error,
    log_unexpected_error,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = [
    "ErrorResponse",
    "add_cors_middleware",
    "error_response",
    "identity_error",
    "internal_error",
    "make_error_response",
    "parse_json_body",
    "routing_error",
]

_ERROR_HEADERS = {"AUTH_REQUIRED": {"WWW-Authenticate": "Bearer"}, "AUTH_UNAVAILABLE": {"Retry-After": "2"}}
"""Headers of errors, by their code."""

_UNKNOWN_CALLER_MESSAGE = "Who is calling is not known: X-User-Id is missing, or the credentials are missing or wrong"


class ErrorResponse(NamedTuple):
    """An answer that is an error."""

    status: int
    body: dict[str, object]
    headers: Mapping[str, str]


def make_error_response(
    status: int, code: str, message: str, details: object = None, headers: Mapping[str, str] | None = None
) -> ErrorResponse:
    """An error in the contract's shape; `details` only where there are some."""
    error: dict[str, object] = {"code": code, "message": message}
    if details:
        error["details"] = details
    return ErrorResponse(status, {"error": error}, headers or {})


def error_response(error: PointsmanError) -> ErrorResponse:
    """The answer to an error of ours, which is logged where it is no fault of the caller's."""
    cause = error.__cause__
    if isinstance(error, (ToolFailed, RouteFailed)) and cause and not isinstance(cause, PointsmanError):
        log_unexpected_error(cause, "a plugin failed", code=error.code)
    else:
        log_if_server_error(error)
    details = error.issues if isinstance(error, InvalidToolInput) else error.details
    return make_error_response(error.status, error.code, error.message, details, _ERROR_HEADERS.get(error.code))


def internal_error(error: Exception) -> ErrorResponse:
    """The answer to any other error, which is logged."""
    log_unexpected_error(error)
    return make_error_response(500, "INTERNAL_ERROR", "Internal error; the log tells more of this request id")


def routing_error(status: int, method: str, path: str, headers: Mapping[str, str] | None = None) -> ErrorResponse:
    """The answer 404 or 405."""
    return make_error_response(status, *describe_routing_error(status, method, path), headers=headers)


def identity_error(identity: GatewayEvent) -> PointsmanError | None:
    """The refusal of a caller who is nobody. `identity` is what the authorizer says; nothing else tells who calls."""
    if identity.get("user"):
        return None
    problem = str(identity.get("problem") or "")
    if problem == "unavailable":
        return AuthUnavailable("Whether the token is genuine cannot be checked at the moment")
    return AuthRequired(problem or _UNKNOWN_CALLER_MESSAGE)


def parse_json_body(raw: bytes) -> object:
    """A body as parsed JSON, whatever its type is said to be; an empty one is an empty object.

    Raises InvalidToolInput.
    """
    if not raw.strip():
        return {}
    try:
        return json.loads(raw, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise InvalidToolInput(INVALID_JSON_MESSAGE, [{"path": [], "message": INVALID_JSON_MESSAGE}]) from None


def add_cors_middleware(app: "ASGIApp") -> "ASGIApp":
    """The app, with what lets other origins in where the settings name any."""
    origins = load_cors_origins()
    if not origins:
        return app
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=["x-request-id"]
    )


def _reject_constant(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")

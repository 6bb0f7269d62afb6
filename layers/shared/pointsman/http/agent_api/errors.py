"""What the Agent API's apps share without a web framework: who is calling, errors in part B's shape, other origins."""

from collections.abc import Mapping
from typing import NamedTuple

from ...errors import AuthRequired, AuthUnavailable, InvalidToolInput, PointsmanError, RouteFailed, ToolFailed
from ..common import (
    GatewayEvent,
    describe_routing_error,
    log_if_server_error,
    log_unexpected_error,
)

__all__ = [
    "ErrorResponse",
    "error_response",
    "identity_error",
    "internal_error",
    "make_error_response",
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

"""What the Agent API's apps share without a web framework: who is calling, errors in part B's shape, other origins."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..errors import AuthRequired, AuthUnavailable, InvalidToolInput, PointsmanError, RouteFailed, ToolFailed
from ..settings.cors import cors_origins
from .basics import NO_JSON, Event, log_failure, log_surprise, unrouted

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["Refusal", "json_of", "refusal", "shaped", "stranger", "surprise", "unknown_route", "with_cors"]

_HEADERS = {"AUTH_REQUIRED": {"WWW-Authenticate": "Bearer"}, "AUTH_UNAVAILABLE": {"Retry-After": "2"}}
"""Headers of errors, by their code."""

_NOBODY = "Who is calling is not known: X-User-Id is missing, or the credentials are missing or wrong"


class Refusal(NamedTuple):
    """An answer that is an error."""

    status: int
    body: dict[str, object]
    headers: Mapping[str, str]


def shaped(
    status: int, code: str, message: str, details: object = None, headers: Mapping[str, str] | None = None
) -> Refusal:
    """An error in the contract's shape; `details` only where there are some."""
    error: dict[str, object] = {"code": code, "message": message}
    if details:
        error["details"] = details
    return Refusal(status, {"error": error}, headers or {})


def refusal(error: PointsmanError) -> Refusal:
    """The answer to an error of ours, which is logged where it is no fault of the caller's."""
    cause = error.__cause__
    if isinstance(error, (ToolFailed, RouteFailed)) and cause and not isinstance(cause, PointsmanError):
        log_surprise(cause, "a plugin failed", code=error.code)
    else:
        log_failure(error)
    details = error.issues if isinstance(error, InvalidToolInput) else error.details
    return shaped(error.status, error.code, error.message, details, _HEADERS.get(error.code))


def surprise(error: Exception) -> Refusal:
    """The answer to any other error, which is logged."""
    log_surprise(error)
    return shaped(500, "INTERNAL_ERROR", "Internal error; the log tells more of this request id")


def unknown_route(status: int, method: str, path: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """The answer 404 or 405."""
    return shaped(status, *unrouted(status, method, path), headers=headers)


def stranger(identity: Event) -> PointsmanError | None:
    """The refusal of a caller who is nobody. `identity` is what the authorizer says; nothing else tells who calls."""
    if identity.get("user"):
        return None
    problem = str(identity.get("problem") or "")
    if problem == "unavailable":
        return AuthUnavailable("Whether the token is genuine cannot be checked at the moment")
    return AuthRequired(problem or _NOBODY)


def json_of(raw: bytes) -> object:
    """A body as parsed JSON, whatever its type is said to be; an empty one is an empty object.

    Raises InvalidToolInput.
    """
    if not raw.strip():
        return {}
    try:
        return json.loads(raw, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise InvalidToolInput(NO_JSON, [{"path": [], "message": NO_JSON}]) from None


def with_cors(app: "ASGIApp") -> "ASGIApp":
    """The app, with what lets other origins in where the settings name any."""
    origins = cors_origins()
    if not origins:
        return app
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=["x-request-id"]
    )


def _refused(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")

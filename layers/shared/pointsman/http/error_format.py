"""Error responses of both APIs: each API has a format, and all else is shared. Loads no web framework."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .. import log
from ..errors import (
    Misconfigured,
    NotFound,
    PointsmanError,
    RateLimited,
    RouteFailed,
    ToolFailed,
    UnderMaintenance,
)
from ..misconfiguration import find_misconfiguration, report_misconfiguration
from .common import MAX_ECHOED_CHARS, GatewayEvent

__all__ = ["MAINTENANCE_RETRY_AFTER", "ErrorFormat", "ErrorResponse", "routing_error"]

MAINTENANCE_RETRY_AFTER = "60"
"""Seconds after which a client may look whether maintenance is over; nobody knows when it will be."""


class ErrorResponse(NamedTuple):
    """An HTTP response that is an error; `body` is to be sent as JSON."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]


class ErrorFormat(NamedTuple):
    """How one API writes its errors.

    Attributes:
        make_body: makes the body of an error's response; its second argument is the request's id.
        headers_by_code: the headers of an error's response, by the error's code.
        make_validation_error: makes the error of a request that FastAPI rejects, from pydantic's issues; there are no
            issues if the body cannot be decoded.
    """

    make_body: Callable[[PointsmanError, str | None], dict[str, Any]]
    headers_by_code: Mapping[str, Mapping[str, str]]
    make_validation_error: Callable[[Sequence[Mapping[str, Any]]], PointsmanError]

    def respond(self, event: GatewayEvent, error: Exception) -> ErrorResponse:
        """Make the response to an exception, and log one that is not the caller's fault.

        An exception that is not a PointsmanError becomes a 500 without its text. A setting that is missing or wrong,
        also one that a tool or a route needs, becomes Misconfigured.
        """
        if misconfiguration := find_misconfiguration(error):
            report_misconfiguration(misconfiguration)
            error = Misconfigured()
        elif isinstance(error, PointsmanError):
            _log_server_error(error)
        else:
            _log_unexpected_error(error)
            error = PointsmanError("Internal error; the log tells more of this request id")
        own_headers: dict[str, str] = {}
        if isinstance(error, _MethodNotAllowed):
            own_headers["Allow"] = error.allow
        elif isinstance(error, RateLimited) and error.retry_after is not None:
            own_headers["Retry-After"] = str(error.retry_after)
        return ErrorResponse(
            error.status,
            self.make_body(error, event["requestContext"].get("requestId")),
            {**self.headers_by_code.get(error.code, {}), **own_headers},
        )


class _MethodNotAllowed(PointsmanError):
    status, code = 405, "METHOD_NOT_ALLOWED"

    def __init__(self, message: str, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


def routing_error(method: str, path: str, *, allow: str | None = None) -> PointsmanError:
    """Make the error of a request without a route: 404, or 405 if the path has routes of other methods.

    Args:
        method: the request's method.
        path: the request's path; the message repeats its first 200 characters.
        allow: the path's methods as a value of the header Allow; None if no route has this path.
    """
    if allow is None:
        return NotFound(f"There is no {method} {path[:MAX_ECHOED_CHARS]}")
    return _MethodNotAllowed(f"{method} is not allowed on {path[:MAX_ECHOED_CHARS]}", allow)


def _log_server_error(error: PointsmanError) -> None:
    cause = error.__cause__
    if isinstance(error, (ToolFailed, RouteFailed)) and cause and not isinstance(cause, PointsmanError):
        _log_unexpected_error(cause, "a plugin failed", code=error.code)
    elif error.status >= 500 and not isinstance(error, UnderMaintenance):
        log.write("error", "request failed", code=error.code, reason=error.message)


def _log_unexpected_error(error: BaseException, message: str = "unexpected error", **fields: str) -> None:
    # Without the exception's text, which may hold a secret.
    place = "".join(traceback.format_tb(error.__traceback__))
    log.write("error", message, error=type(error).__name__, place=place, **fields)

"""One error for all that may go wrong with a request, whichever API or gateway has answered, and two of its kinds.

PointsmanError
├── OperationFailed    an operation ended without what was asked for
└── WaitTimeout        what was waited for is still running
"""

from collections.abc import Mapping
from typing import Any, cast

import httpx

from .generated.models import OperationPage

__all__ = ["OperationFailed", "PointsmanError", "WaitTimeout", "build_response_error"]

CONNECTION_FAILED = "CONNECTION_FAILED"
"""The code of an error without an answer."""
UNEXPECTED_RESPONSE = "UNEXPECTED_RESPONSE"
"""The code of an answer that the API does not give, such as a proxy's page."""


class PointsmanError(Exception):
    """A request that did not succeed. It holds nothing of the request, so no credential either.

    Attributes:
        status: HTTP status; None where there was no answer.
        code: the API's code, such as `NOT_FOUND`; `CONNECTION_FAILED` without an answer, `UNEXPECTED_RESPONSE` for one
            that is not the API's.
        message: a sentence for people.
        request_id: names the request in the server's logs; None where nobody has given it one.
        issues: what is wrong with the input, as `{"path": […], "message": "…"}`.
        details: all else that the answer says, such as `operationId`, `left`, `quota`.
        retry_after: seconds after which the request may be repeated; None if the answer names none.
        attempts: how often the request was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int | None = None,
        request_id: str | None = None,
        issues: list[dict[str, Any]] | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.issues = issues or []
        self.details = dict(details or {})
        self.retry_after = retry_after
        self.attempts = attempts

    def __str__(self) -> str:
        facts = [f"status {self.status}"] if self.status else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        return f"{self.code}: {self.message}" + (f" ({', '.join(facts)})" if facts else "")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class OperationFailed(PointsmanError):
    """A create, destroy, provision or tool destroy that ended as `failed` (undone) or `leaked`.

    Attributes:
        operation: the operation with its steps, also those that have undone something.
        left: what could not be deleted and may still cost money; empty where all is undone.
    """

    def __init__(self, operation: OperationPage, *, status: int | None = None, request_id: str | None = None) -> None:
        error: dict[str, Any] = operation.to_dict().get("error") or {}
        super().__init__(
            str(error.get("message") or error.get("error") or "The operation has failed"),
            code=str(error.get("code") or "OPERATION_FAILED"),
            status=status,
            request_id=request_id,
            details={**error, "operationId": operation.operation_id, "status": operation.status},
        )
        self.operation = operation
        self.left: list[Any] = list(error.get("left") or [])


class WaitTimeout(PointsmanError):
    """The time that the caller gives is over. What was waited for goes on.

    Attributes:
        details: names it, as `operationId` or `promptId`.
    """

    def __init__(self, message: str, **details: str | None) -> None:
        super().__init__(message, code="TIMEOUT", details={name: value for name, value in details.items() if value})


def build_response_error(response: httpx.Response) -> PointsmanError:
    """Build the error for a response with a status from 400 on whose body has been read.

    It takes the bodies of both APIs, of their gateways, and of whatever stands in front of them.
    """
    try:
        body: object = response.json()
    except ValueError:
        body = None
    members = dict(cast("Mapping[str, Any]", body)) if isinstance(body, Mapping) else {}
    error = members.pop("error", None)
    request_id = members.pop("requestId", None) or _find_request_id(response)
    if isinstance(error, Mapping):
        problem = cast("Mapping[str, Any]", error)
        message, code, details = problem.get("message"), problem.get("code"), problem.get("details")
    else:
        message, code, details = error or members.pop("message", None), members.pop("code", None), members
    issues = cast("list[dict[str, Any]]", details) if isinstance(details, list) else []
    return PointsmanError(
        str(message or f"The server answers {response.status_code} {response.reason_phrase}".rstrip()),
        code=str(code or _name_status(response.status_code)),
        status=response.status_code,
        request_id=request_id,
        issues=issues,
        details=cast("Mapping[str, Any]", details) if isinstance(details, Mapping) else None,
        retry_after=parse_retry_after(response),
        attempts=int(response.extensions.get("attempts", 1)),
    )


def parse_retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of a `Retry-After`; None without one, or for a date, which no part of Pointsman sends."""
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _find_request_id(response: httpx.Response) -> str | None:
    names = ("x-request-id", "apigw-requestid", "x-amz-cf-id")
    return next((response.headers[name] for name in names if name in response.headers), None)


def _name_status(status: int) -> str:
    """A code for an answer that has none: gateways and proxies say only the status."""
    names = {401: "AUTH_REQUIRED", 403: "FORBIDDEN", 404: "NOT_FOUND", 413: "PAYLOAD_TOO_LARGE", 429: "RATE_LIMITED"}
    return names.get(status, UNEXPECTED_RESPONSE)

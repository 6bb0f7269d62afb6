"""Responses of a provider, parsed as far as all providers' are the same: errors, their kinds, and paths of requests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import quote

from ..errors import InvalidInput, ProviderError, ProviderRejected, RejectionReason
from ..json_values import JsonObject

__all__ = [
    "KIND_BY_STATUS",
    "BodyParser",
    "DeletionOutcome",
    "ErrorBody",
    "ErrorBodyParser",
    "ErrorKind",
    "ProviderResponse",
    "UncheckedResponse",
    "has_error",
    "is_expected",
    "quote_path_segment",
]

T = TypeVar("T")

BodyParser = Callable[[JsonObject], T | None]
"""Takes the body of a 2xx, an empty object if it is none, and returns what the call is for; None if it is not the body
that the provider's success has."""

DeletionOutcome = Literal["deleted", "accepted", "gone"]
"""`accepted`: it may still exist for a while; `gone`: it did not exist before the call."""

ErrorKind = RejectionReason | Literal["throttled", "unavailable"]
"""What an error means: a reason of ProviderRejected, `throttled` (nothing was done; retry later), or `unavailable`
(the outcome is unknown)."""

KIND_BY_STATUS: dict[int, ErrorKind] = {
    400: "invalid",
    401: "unauthorized",
    402: "limit",
    403: "unauthorized",
    404: "not_found",
    405: "invalid",
    408: "unavailable",
    410: "not_found",
    413: "invalid",
    422: "invalid",
    425: "unavailable",
    429: "throttled",
}

_EXPECTED_REASONS: frozenset[RejectionReason] = frozenset({"not_found", "taken", "not_ready"})


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """A parsed error body.

    `kind` is None where the status decides. `code` is a constant of the provider's API. `message` is free text, which
    is redacted and shortened before it stands in an error. `retry_after` is in seconds.
    """

    kind: ErrorKind | None = None
    code: str = ""
    message: str = ""
    retry_after: float | None = None


ErrorBodyParser = Callable[[int, object], ErrorBody]
"""Parses an error body; takes the HTTP status and the parsed JSON (None if the body is empty or not JSON)."""


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """A 2xx response. `body` is the parsed JSON, None if it is empty or not JSON, which `body_format` tells apart."""

    status: int
    body: object
    body_format: Literal["json", "empty", "other"]


@dataclass(frozen=True, slots=True)
class UncheckedResponse(ProviderResponse):
    """A response with any status. `retry_after` is in seconds."""

    retry_after: float | None


def has_error(body: JsonObject) -> bool:
    """Whether a body names an error, whatever its status is: none of these providers' successes has such a member."""
    return bool(body.get("error") or body.get("errors"))


def is_expected(error: ProviderError) -> bool:
    """Whether the error only tells the state of a resource, so that nothing is wrong with the provider or us."""
    return isinstance(error, ProviderRejected) and error.reason in _EXPECTED_REASONS


def quote_path_segment(value: str) -> str:
    """Percent-encode an id as one segment of a path (`+1555…`, `name@domain`).

    Raises:
        InvalidInput: the id is empty, `.` or `..`, which would name the collection or its parent.
    """
    if value in ("", ".", ".."):
        raise InvalidInput(f"{value!r} is no id of a resource")
    return quote(value, safe="")

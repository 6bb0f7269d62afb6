"""Responses of a provider, parsed as far as all providers' are the same: errors, their kinds, and paths of requests."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import quote

from ..errors import InvalidInput, ProviderError, ProviderRejected, RejectionReason
from ..http_transport import parse_retry_after, parse_seconds
from ..json_values import JsonObject

__all__ = [
    "KIND_BY_STATUS",
    "BodyParser",
    "DeletionOutcome",
    "ErrorBody",
    "ErrorBodyParser",
    "ErrorKind",
    "ProviderResponse",
    "ResetUnit",
    "UncheckedResponse",
    "has_error",
    "is_expected",
    "parse_content",
    "quote_path_segment",
    "read_retry_after",
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


BodyFormat = Literal["json", "empty", "other"]
"""What a body is; `other` is anything that is not JSON."""


ResetUnit = Literal["seconds", "epoch"]
"""The unit of a provider's `X-RateLimit-Reset`: `seconds` from now, or `epoch` seconds."""


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
    body_format: BodyFormat


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


def parse_content(content: bytes) -> tuple[BodyFormat, object]:
    """Parse a body; its value is None unless it is JSON."""
    if not content:
        return "empty", None
    try:
        return "json", json.loads(content)
    except (ValueError, RecursionError):
        return "other", None


def quote_path_segment(value: str) -> str:
    """Percent-encode an id as one segment of a path (`+1555…`, `name@domain`).

    Raises:
        InvalidInput: the id is empty, `.` or `..`, which would name the collection or its parent.
    """
    if value in ("", ".", ".."):
        raise InvalidInput(f"{value!r} is no id of a resource")
    return quote(value, safe="")


def read_retry_after(status: int, headers: Mapping[str, str], reset_unit: ResetUnit | None) -> float | None:
    """Return how many seconds to wait before a retry, None if the provider named no time.

    Args:
        status: The response's status.
        headers: Its headers; their names are matched in lower case.
        reset_unit: The unit of `X-RateLimit-Reset`, None to ignore it.
    """
    seconds = parse_retry_after(headers.get("retry-after", ""))
    # Only for a 429: some providers send the end of their window with every response.
    if seconds is None and reset_unit is not None and status == 429:
        seconds = parse_seconds(headers.get("x-ratelimit-reset", ""))
        if seconds is not None and reset_unit == "epoch":
            seconds = max(0.0, seconds - time.time())
    return seconds

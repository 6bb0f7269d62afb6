"""The error body of each provider: one function per provider, for its handlers and for injected faults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from local.simulator.http.messages import Obj, Reply


@dataclass(frozen=True)
class ErrorDetails:
    """An error independent of provider. `code` and `message` replace the defaults of the status; `retry_after` in s."""

    status: int
    message: str | None = None
    code: str | None = None
    retry_after: float | None = None

    @property
    def retry_headers(self) -> dict[str, str]:
        """`Retry-After` in seconds, if `retry_after` is set."""
        return {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}


def openrouter_error(details: ErrorDetails) -> Reply:
    """Build OpenRouter's error: `error.code` is the HTTP status, the kind stands in `error.metadata.error_type`."""
    messages = {
        400: "Invalid request", 401: "Missing Authentication header", 403: "Forbidden", 404: "Resource not found",
        429: "Rate limit exceeded", 500: "Internal Server Error", 502: "Provider returned error",
    }  # fmt: skip
    types = {
        400: "invalid_request", 401: "authentication", 402: "payment_required", 403: "permission_denied",
        404: "not_found", 429: "rate_limit_exceeded", 503: "provider_unavailable", 529: "provider_overloaded",
    }  # fmt: skip
    error: Obj = {"code": details.status, "message": details.message or messages.get(details.status, "Error")}
    kind = details.code or (types.get(details.status, "server") if details.status == 429 else None)
    if kind is not None:
        error["metadata"] = {"error_type": kind}
    return Reply(details.status, {"error": error}, details.retry_headers)


def model_error(
    details: ErrorDetails, error_shape: Literal["openai", "openrouter"] = "openai", param: str | None = None
) -> Reply:
    """Build a model API's error in OpenAI's shape (`error.code` is a name) or OpenRouter's (it is the HTTP status)."""
    if error_shape == "openrouter":
        return openrouter_error(details)
    messages = {
        401: "Incorrect API key provided.", 404: "Not found", 429: "Rate limit reached for requests",
        500: "The server had an error while processing your request. Sorry about that!",
    }  # fmt: skip
    types = {429: "rate_limit_error", 500: "server_error", 502: "server_error", 503: "server_error"}
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error"}
    error: Obj = {
        "message": details.message or messages.get(details.status, "Error"),
        "type": types.get(details.status, "invalid_request_error"), "param": param,
        "code": details.code or codes.get(details.status),
    }  # fmt: skip
    return Reply(details.status, {"error": error}, details.retry_headers)


_AGENTMAIL_ERRORS: Mapping[str, tuple[str, str]] = {
    "missing_authorization": ("UnauthorizedError", "Missing Authorization header"),
    "invalid_token_type": ("UnauthorizedError", "Invalid token type"),
    "forbidden": ("ForbiddenError", "Forbidden"),
    "not_found": ("NotFoundError", "Inbox not found"),
    "validation_error": ("ValidationError", "Request validation failed"),
    "unprocessable": ("UnprocessableError", "Unprocessable request"),
    "resource_taken": ("IsTakenError", "Email address is already taken"),
    "resource_deleting": ("ConflictError", "Resource is being deleted"),
    "conflict": ("ConflictError", "Conflict"),
    "limit_exceeded": ("LimitExceededError", "Inbox limit exceeded"),
    "rate_limit_exceeded": ("RateLimitExceededError", "Rate limit exceeded"),
    "internal_error": ("InternalServerError", "Internal server error"),
    "service_unavailable": ("ServiceUnavailableError", "Service unavailable"),
}
_AGENTMAIL_CODES: Mapping[int, str] = {
    400: "validation_error", 401: "missing_authorization", 403: "forbidden", 404: "not_found", 409: "conflict",
    422: "unprocessable", 429: "rate_limit_exceeded", 503: "service_unavailable",
}  # fmt: skip


def agentmail_error(details: ErrorDetails, extra: Mapping[str, object] | None = None) -> Reply:
    """Build AgentMail's error, a flat object.

    Args:
        details: The error; without `code` the status determines it.
        extra: More fields of the body; for `limit_exceeded` they replace the default upgrade hint.
    """
    code = details.code or _AGENTMAIL_CODES.get(details.status, "internal_error")
    name, message = _AGENTMAIL_ERRORS.get(code, ("Error", "Error"))
    body: Obj = {"name": name, "code": code, "message": details.message or message, **(extra or {})}
    if code == "limit_exceeded" and extra is None:
        body |= {"upgrade_url": "https://example.invalid/upgrade", "resource": "inboxes", "limit": 3}
    return Reply(details.status, body, details.retry_headers)


_TELNYX_TITLES: Mapping[str, str] = {
    "10005": "Resource not found", "10007": "Unexpected error", "10009": "Authentication failed",
    "10010": "Authorization failed", "10011": "Too many requests", "10012": "Duplicate resource",
    "10015": "Bad Request", "10027": "Unprocessable entity", "10037": "Service unavailable",
    "20100": "Insufficient funds", "40331": "Missing whitelisted destinations",
    "85000": "Search for phone numbers first", "85001": "Phone numbers no longer available",
    "85004": "Invalid connection", "85005": "Invalid messaging profile", "85006": "Phone number already reserved",
    "85007": "Reservation limit reached",
}  # fmt: skip
_TELNYX_CODES: Mapping[int, str] = {
    400: "10015", 401: "10009", 403: "10010", 404: "10005", 409: "10012", 422: "10027", 429: "10011", 503: "10037",
}  # fmt: skip


def telnyx_error(details: ErrorDetails, pointer: str | None = None) -> Reply:
    """Build Telnyx's error list with one entry.

    Args:
        details: The error; `code` is Telnyx's number as a string, by default that of the status.
        pointer: JSON pointer to the offending field, sent as `source.pointer`.
    """
    code = details.code or _TELNYX_CODES.get(details.status, "10007")
    title = _TELNYX_TITLES.get(code, "Error")
    error: Obj = {"code": code, "title": title, "detail": details.message or f"{title}."}
    if pointer is not None:
        error["source"] = {"pointer": pointer}
    error["meta"] = {"url": f"https://developers.telnyx.com/docs/overview/errors/{code}"}
    return Reply(details.status, {"errors": [error]}, details.retry_headers)


def railway_error(details: ErrorDetails) -> Reply:
    """Build Railway's GraphQL error: before execution with its HTTP status, during execution with status 200.

    With status 200 the body also has `data: null`.
    """
    codes = {400: "BAD_USER_INPUT", 401: "UNAUTHENTICATED", 429: "RATE_LIMITED"}
    messages = {429: "Rate limit exceeded", 401: "Not Authorized", 400: "Bad request"}
    code = details.code or codes.get(details.status, "INTERNAL_SERVER_ERROR")
    message = details.message or messages.get(details.status, "Problem processing request")
    body: Obj = {"errors": [{"message": message, "extensions": {"code": code}, "traceId": "0"}]}
    if details.status == 200:
        body["data"] = None
    headers = details.retry_headers
    if details.status == 429 and not headers:
        headers = {"Retry-After": "1"}  # Railway's own 429 responses always have it
    return Reply(details.status, body, headers)


VOLUME_THROTTLE_MESSAGE = "Whoa there pal! You are creating volumes too quickly. Try again in a sec"

"""The meaning of Railway's error texts. Most come with HTTP 200 and INTERNAL_SERVER_ERROR, so the text decides."""

import re

from ...json_values import as_object, as_objects, as_text
from ..http_response import ErrorBody, ErrorKind

__all__ = ["parse_error_body", "parse_graphql_errors"]

_KIND_BY_TEXT: tuple[tuple[str, ErrorKind], ...] = (
    (r"too quickly|whoa there|too many requests|rate limit|can be created per user every", "throttled"),
    # Before `not found`: a project token that is not found is a bad credential.
    (r"not authorized|unauthorized|unauthenticated|token not found|invalid token|two factor", "unauthorized"),
    (r"already exists", "taken"),
    (r"cannot redeploy without", "not_ready"),
    (r"cannot redeploy yet|please wait for", "throttled"),
    (r"not found|does not exist", "not_found"),
    (r"try again|problem processing request", "unavailable"),
    (r"limit (?:exceeded|reached)|exceeds? .*limit|upgrade your plan|quota", "limit"),
    (r"cannot query field|unknown argument|must not be empty|is required|invalid", "invalid"),
)
_KIND_BY_CODE: dict[str, ErrorKind] = {
    "UNAUTHENTICATED": "unauthorized",
    "GRAPHQL_PARSE_FAILED": "invalid",
    "GRAPHQL_VALIDATION_FAILED": "invalid",
    "BAD_USER_INPUT": "invalid",
}
_RETRY_DELAY_PATTERN = re.compile(r"(?:per|every) (\d{1,4}) ?s", re.IGNORECASE)


def parse_graphql_errors(errors: object) -> ErrorBody:
    """Parse the `errors` of a response; the first one with a known text or code counts.

    Without one the kind is `unavailable` (outcome unknown): texts such as `Problem processing request` can follow a
    mutation that was carried out.
    """
    error_objects = as_objects(errors)
    for error in error_objects:
        message, code = as_text(error.get("message")), as_text(as_object(error.get("extensions")).get("code"))
        # Names chosen by users are in quotes and may contain any words.
        unquoted = re.sub(r'"[^"]*"', '""', message)
        for pattern, kind in _KIND_BY_TEXT:
            if re.search(pattern, unquoted, re.IGNORECASE):
                retry_after = _parse_rate_limit_delay(message) if kind == "throttled" else None
                return ErrorBody(kind, _drop_generic_code(code), message, retry_after)
        if code in _KIND_BY_CODE:
            return ErrorBody(_KIND_BY_CODE[code], code, message)
    first = as_object(error_objects[0] if error_objects else None)
    return ErrorBody(
        "unavailable",
        _drop_generic_code(as_text(as_object(first.get("extensions")).get("code"))),
        as_text(first.get("message")),
    )


def parse_error_body(status: int, body: object) -> ErrorBody:
    """Parse an error body that came with an HTTP error status."""
    response = as_object(body)
    errors = response.get("errors")
    if not as_objects(errors):
        return ErrorBody(message=as_text(response.get("message")))
    error_body = parse_graphql_errors(errors)
    if error_body.kind == "unavailable" and status < 500:
        # With a 4xx nothing was executed, whatever the text is.
        return ErrorBody(None, error_body.code, error_body.message)
    return error_body


def _drop_generic_code(code: str) -> str:
    return "" if code == "INTERNAL_SERVER_ERROR" else code


def _parse_rate_limit_delay(message: str) -> float | None:
    if "in a sec" in message.lower():
        return 1.0
    match = _RETRY_DELAY_PATTERN.search(message)
    return float(match[1]) if match else None

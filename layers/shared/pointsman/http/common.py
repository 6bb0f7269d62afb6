"""What all endpoints share, those without a web framework too: the limit on bodies, words for refusals, the log."""

import re
import traceback
from collections.abc import Mapping
from typing import Any

from .. import log
from ..errors import PayloadTooLarge, PointsmanError

__all__ = [
    "IDEMPOTENCY_KEY_PATTERN",
    "INVALID_JSON_MESSAGE",
    "MAX_BODY_BYTES",
    "MAX_ECHOED_CHARS",
    "GatewayEvent",
    "body_size_error",
    "describe_routing_error",
    "log_if_server_error",
    "log_unexpected_error",
]

MAX_BODY_BYTES = 1024 * 1024
"""No request is near this; the gateway's own limit is 10 MB."""

MAX_ECHOED_CHARS = 200
"""Characters of what a client sent that a message repeats."""

IDEMPOTENCY_KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,255}")
"""What an Idempotency-Key must be: 1 to 255 visible ASCII characters."""

INVALID_JSON_MESSAGE = "The request body is not valid JSON"

GatewayEvent = Mapping[str, Any]


def body_size_error(event: GatewayEvent) -> PayloadTooLarge | None:
    """The refusal of a body that is over the limit."""
    text: str = event.get("body") or ""
    size = len(text) * 3 // 4 - text[-2:].count("=") if event.get("isBase64Encoded") else len(text)
    if size <= MAX_BODY_BYTES:
        return None
    return PayloadTooLarge(f"The request body is over the limit of {MAX_BODY_BYTES // 1024} KiB")


def describe_routing_error(status: int, method: str, path: str) -> tuple[str, str]:
    """The code and the message of a 404 or 405."""
    if status == 405:
        return "METHOD_NOT_ALLOWED", f"{method} is not allowed on {path[:MAX_ECHOED_CHARS]}"
    return "NOT_FOUND", f"There is no {method} {path[:MAX_ECHOED_CHARS]}"


def log_if_server_error(error: PointsmanError) -> None:
    """Log an error of ours that is no fault of the caller's."""
    if error.status >= 500:
        log.write("error", "request failed", code=error.code, reason=error.message)


def log_unexpected_error(error: BaseException, message: str = "unexpected error", **facts: str) -> None:
    """Log an error that is not ours. Its text may hold anything, a secret too: only its kind and place are told."""
    place = "".join(traceback.format_tb(error.__traceback__))
    log.write("error", message, error=type(error).__name__, place=place, **facts)

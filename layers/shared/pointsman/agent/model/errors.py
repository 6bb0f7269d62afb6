"""Errors of the model as ModelFailed, with a message that is safe to show, and whether a retry may help.

    request not sent, connection lost, timeout, invalid response               retryable
    HTTP 408, 409, 429, 5xx; an error event with such a code                   retryable
    insufficient_quota, any other rejection, a request that cannot be built    not retryable
    the input is too long for the model, whatever the status is                not retryable

The header `x-should-retry` overrides the status, as in OpenAI's own client. No message holds the API key or a quotation
of the request, and none is longer than 300 characters.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from ...errors import ModelFailed
from ...http_transport import classify_transport_failure, parse_retry_after
from ...json_values import JsonObject, as_object, as_objects, as_text
from ...redaction import redact, redact_code

__all__ = [
    "ModelRefused",
    "Refusal",
    "RequestRedactor",
    "error_from_http_status",
    "error_from_response",
    "error_from_transport",
    "invalid_request_error",
    "invalid_response_error",
    "is_encrypted_reasoning_rejection",
    "says_input_is_too_long",
]

_QUOTA_EXCEEDED = "insufficient_quota"
_TRANSIENT_CODES = {
    "", "internal_error", "overloaded", "overloaded_error", "provider_overloaded", "provider_unavailable",
    "rate_limit_exceeded", "rate_limit_error", "server", "server_error", "service_unavailable", "timeout",
}  # fmt: skip
_TOO_LONG = re.compile(
    r"context_length|exceed_context_size|context_?window_?exceeded|max_tokens_exceeded|token_limit|string_too_long"
    r"|request_too_large|max_model_len|maximum (context|prompt|model|input) (length|size)|model token limit"
    r"|maximum number of (input )?tokens|max(imum)? tokens allowed|token count\W.{0,40}exceeds|too many input tokens"
    r"|exceed\w* (the |your )?((max|maximum|available) )?context|context (length|window|size)( has been)? exceed"
    r"|(available|model'?s?) context (length|window|size)|context (length|window|size) of|too long to fit"
    r"|(prompt|input|request|conversation)( is)? too (long|large)|too large for model|max_tokens must be at least 1"
    r"|inputs\W.{0,40}(must have less than|must be <=)|reduce (the|your) (length|prompt|input)|tokens must be reduced",
    re.IGNORECASE,
)
"""In a code or a message: the input does not fit the model, so it does not later either, whatever the status is."""
_MAX_MESSAGE_LENGTH = 300
_MAX_INSPECTED_LENGTH = 500
"""Characters of a provider's message that are redacted; the rest is dropped."""
_MAX_REFUSAL_LENGTH = 20_000
_MIN_QUOTE_LENGTH = 16
"""Characters that the message and the request have in common before they count as a quotation."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as the model's API gave it: to decide what to send instead, never to be shown.

    Attributes:
        status: the HTTP status; 0 for an error in a response with a 2xx status.
        code: the error's code and type, with a blank between them; either may be missing.
        param: the parameter that the error names; may be empty.
        text: the error's message, and whatever else the error holds.
        retryable: whether the same request may succeed later.
    """

    status: int
    code: str
    param: str
    text: str = field(repr=False)
    retryable: bool


class ModelRefused(ModelFailed):
    """The model's API answered with an error."""

    def __init__(
        self, message: str, refusal: Refusal, *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message, retryable=retryable, retry_after=retry_after)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class RequestRedactor:
    """Removes from a provider's message what was in the request: the API key, and quotations of its texts."""

    api_keys: Sequence[str] = field(repr=False)
    """The keys that were used; the client adds one that has been rotated."""
    items: Sequence[JsonObject] = field(repr=False)
    instructions: str = field(repr=False)

    def redact(self, message: str) -> str:
        """Return the message without the key and without quotations of the request."""
        # The key first: truncation or a removed quotation must not leave a part of it.
        for api_key in filter(None, self.api_keys):
            message = message.replace(api_key, "***")
        message = message[:_MAX_INSPECTED_LENGTH]
        request_texts = [text for text in (*_collect_texts(self.items), self.instructions) if text]
        redacted, end = "", 0
        for start in range(len(message)):
            if start + _MIN_QUOTE_LENGTH <= len(message) and any(
                message[start : start + _MIN_QUOTE_LENGTH] in text for text in request_texts
            ):
                redacted += "" if end > start else "…"
                end = start + _MIN_QUOTE_LENGTH
            elif start >= end:
                redacted += message[start]
        return redact(redacted, [*self.api_keys, *(text for text in request_texts if len(text) < _MIN_QUOTE_LENGTH)])


def error_from_transport(error: Exception) -> ModelFailed:
    """Build the error for an exception of httpx. Its message is dropped, because it may hold the credential."""
    failure, name = classify_transport_failure(error), type(error).__name__
    if failure == "refused":
        return ModelFailed(f"The model cannot be asked: its address or its key is malformed ({name})")
    if failure == "unsent":
        return ModelFailed(f"The model cannot be reached ({name})", retryable=True)
    if failure == "unreadable":
        return invalid_response_error(name)
    return ModelFailed(f"The model did not answer to the end ({name})", retryable=True)


def invalid_request_error() -> ModelFailed:
    """Build the error for a request that cannot be built; not retryable."""
    return ModelFailed("The model cannot be asked: the address, the key or the input cannot be written")


def invalid_response_error(reason: str) -> ModelFailed:
    """Build the error for a response that cannot be parsed; retryable. `reason` must not quote the response."""
    return ModelFailed(f"The model's answer cannot be read: {reason}", retryable=True)


def error_from_http_status(
    status: int, headers: Mapping[str, str], body: object, redactor: RequestRedactor
) -> ModelFailed:
    """Build the error for a response whose status is not 2xx. `body` is parsed JSON, or None."""
    code, kind, reason = _parse_error_body(body)
    is_transient = status in (408, 409, 429) or status >= 500
    should_retry = headers.get("x-should-retry", "").strip().lower()
    if should_retry in ("true", "false"):
        is_transient = should_retry == "true"
    if _QUOTA_EXCEEDED in (code, kind):
        is_transient = False
    refusal = _build_refusal(status, body, is_transient)
    is_transient = refusal.retryable
    summary = f"HTTP {status}" + (f" {redact_code(code or kind)}" if code or kind else "")
    if 300 <= status < 400:
        reason = "its address redirects"
    reason = redactor.redact(reason)
    message = f"The model {'cannot answer now' if is_transient else 'refuses'}: {summary}" + (
        f": {reason}" if reason else ""
    )
    return ModelRefused(
        message[:_MAX_MESSAGE_LENGTH],
        refusal,
        retryable=is_transient,
        retry_after=_parse_retry_after(headers) if is_transient else None,
    )


def error_from_response(error: object, redactor: RequestRedactor) -> ModelFailed:
    """Build the error for an error object in a response with status 200, plain or streamed."""
    code, kind, reason = _parse_error_body({"error": error})
    status = int(code) if code.isdecimal() and len(code) == 3 else 0
    label = kind if status and kind else code
    is_transient = status in (408, 409, 429) or status >= 500 or (not status and label in _TRANSIENT_CODES)
    if _QUOTA_EXCEEDED in (code, kind):
        is_transient = False
    refusal = _build_refusal(status, {"error": error}, is_transient)
    reason = redactor.redact(reason)
    message = "The model failed" + (f": {redact_code(label)}" if label else "") + (f": {reason}" if reason else "")
    return ModelRefused(message, refusal, retryable=refusal.retryable)


def says_input_is_too_long(code: str, text: str) -> bool:
    """Whether an error with this code and this message, of any server, is about the length of the input."""
    return bool(_TOO_LONG.search(code) or _TOO_LONG.search(text))


def is_encrypted_reasoning_rejection(status: int, body: object) -> bool:
    """Whether an error rejects `reasoning.encrypted_content`, which not every model and server supports."""
    error = as_object(_get_error(body))
    description = f"{as_text(error.get('param'))} {as_text(error.get('message'))}"
    return status in (400, 422) and bool(
        re.search(r"\binclude\b|encrypted content is not supported", description, re.IGNORECASE)
    )


def _get_error(body: object) -> object:
    """Return the error of an error body: its member `error` or `detail`, or the body itself."""
    if isinstance(body, list):
        body = next(iter(as_objects(cast("object", body))), None)
    members = as_object(body)
    return members.get("error") or members.get("detail") or members


def _parse_error_body(body: object) -> tuple[str, str, str]:
    """Return code, type and message of an error body in any of the providers' shapes; empty if missing."""
    error = _get_error(body)
    if isinstance(error, str):
        return "", "", error
    fields = as_object(error)
    code = fields.get("code")
    kind = as_text(fields.get("type")) or as_text(as_object(fields.get("metadata")).get("error_type"))
    return str(code) if isinstance(code, int | str) else "", kind, as_text(fields.get("message"))


def _build_refusal(status: int, body: object, is_transient: bool) -> Refusal:
    code, kind, message = _parse_error_body(body)
    error = _get_error(body)
    param = as_text(as_object(error).get("param"))
    metadata_type = as_text(as_object(as_object(error).get("metadata")).get("error_type"))
    # A validator's list of errors, or an upstream's error in the metadata.
    text = f"{message} {json.dumps(error, default=str)}"[:_MAX_REFUSAL_LENGTH]
    codes = " ".join(filter(None, (code, kind, metadata_type)))
    return Refusal(status, codes, param, text, is_transient and not says_input_is_too_long(codes, text))


def _parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return seconds. `retry-after-ms` takes precedence, as in OpenAI's own client."""
    milliseconds = parse_retry_after(headers.get("retry-after-ms", ""))
    return milliseconds / 1000 if milliseconds is not None else parse_retry_after(headers.get("retry-after", ""))


def _collect_texts(items: Iterable[JsonObject]) -> list[str]:
    """Collect the texts of an input: messages, arguments and outputs of tool calls."""
    texts: list[str] = []
    for item in items:
        for name in ("content", "arguments", "output"):
            value = item.get(name)
            texts += [as_text(value), *(as_text(part.get("text")) for part in as_objects(value))]
    return [text for text in texts if text]

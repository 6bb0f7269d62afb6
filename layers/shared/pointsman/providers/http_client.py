"""The one HTTP client of the providers: requests, short retries, and how every failure becomes an error of ours.

Of the providers, only this module knows httpx. A provider's module says how its error bodies read (`Explain`); what
follows from a status, from a cut connection or from an answer that is no JSON is decided here, alike for all:

    no connection                         ProviderUnavailable, nothing was done
    sent, but no answer or half of one    ProviderTimeout, the outcome is unknown
    429, or a throttle in other words     ProviderUnavailable, nothing was done, perhaps with a time to wait
    5xx, 408, 2xx that cannot be read     ProviderUnavailable, the outcome is unknown
    any other refusal                     ProviderRejected with a reason
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import quote

import httpx

from ..errors import (
    InvalidInput,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    RejectionReason,
)
from ..http_transport import (
    TRANSPORT_FAILURES,
    RetryPolicy,
    Transport,
    call_with_retries,
    classify_transport_failure,
    create_httpx_client,
    parse_retry_after,
    parse_seconds,
)
from ..redaction import redact, redact_code

__all__ = [
    "ErrorBody",
    "ErrorBodyParser",
    "ErrorKind",
    "HttpClient",
    "ProviderResponse",
    "quote_path_segment",
]

_RETRIES = RetryPolicy(initial_backoff=0.2, max_backoff=2.0, deadline=15.0)
"""Longer pauses are left to the retries of the caller (Step Functions, schedules)."""

ErrorKind = RejectionReason | Literal["throttled", "unavailable"]
"""What a provider's words mean: a reason to reject, or one of two that may pass: `throttled` did nothing, after
`unavailable` the outcome is unknown."""

_KIND_BY_STATUS: dict[int, ErrorKind] = {
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

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error body says. `kind` is None where the status must tell; `code` is a word of the provider's fixed
    vocabulary, `text` its message (masked and cut before anyone sees it), `retry_after` in seconds."""

    kind: ErrorKind | None = None
    code: str = ""
    message: str = ""
    retry_after: float | None = None


ErrorBodyParser = Callable[[int, object], ErrorBody]
"""Reads an error body: takes the HTTP status and the parsed JSON (None where it is none)."""


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """A 2xx answer. `body` is the parsed JSON, None where there is none; `form` tells a body that is no JSON."""

    status: int
    body: object
    body_format: Literal["json", "empty", "other"]


class HttpClient:
    """Talks to one provider. Opens its connection with the first request and keeps it for the life of the process.

    `timeout` is in seconds and bounds each wait for the provider. `secrets` never appear in a message. `reset` says how
    the provider's `X-RateLimit-Reset` counts: `seconds` from now or `epoch`; None where nobody knows.
    """

    def __init__(
        self,
        provider: str,
        url: str,
        *,
        token: str,
        timeout: float,
        parse_error_body: ErrorBodyParser,
        rate_limit_reset_unit: Literal["seconds", "epoch"] | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.provider = provider
        self.url = url.rstrip("/")
        self.transport = transport or Transport()
        self._token = token
        self._timeout = timeout
        self._parse_error_body = parse_error_body
        self._rate_limit_reset_unit = rate_limit_reset_unit
        self._http: httpx.Client | None = None

    def __repr__(self) -> str:
        return f"Client({self.provider!r}, {redact(self.url, (self._token,))!r})"

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        http, self._http = self._http, None
        if http is not None:
            http.close()

    def get(self, step: str, path: str, params: Mapping[str, str | int] | None = None) -> ProviderResponse:
        """GET, tried again a few times where that may help."""
        return self.retry(lambda: self.send(step, "GET", path, params=params), idempotent=True)

    def mutate(
        self, step: str, method: str, path: str, body: object, *, secrets: Iterable[str] = ()
    ) -> ProviderResponse:
        """A mutation, tried again only where the provider did nothing: its outcome must never be guessed."""
        return self.retry(lambda: self.send(step, method, path, body=body, secrets=secrets), idempotent=False)

    def delete(self, step: str, path: str, *, existing_path: str) -> Literal["deleted", "accepted", "gone"]:
        """DELETE. `accepted` is a 202; `gone` means that it was not there before this call.

        A 404 that is not in JSON may come from anything that stands at a wrong address, and believing it would leak
        what is to be deleted; so the path `proof`, which must exist, is read before it is believed.
        """
        may_have_deleted = False

        def attempt() -> Literal["deleted", "accepted", "gone"]:
            nonlocal may_have_deleted
            try:
                answer = self._exchange(step, "DELETE", path)
            except ProviderUnavailable as error:
                may_have_deleted = may_have_deleted or error.outcome_unknown
                raise
            if answer.status in (404, 410):
                if answer.body_format == "other":
                    self.get(step, existing_path)
                return "deleted" if may_have_deleted else "gone"
            try:
                self._raise_for_status(step, answer, ())
            except ProviderUnavailable as error:
                may_have_deleted = may_have_deleted or error.outcome_unknown
                raise
            return "accepted" if answer.status == 202 else "deleted"

        return self.retry(attempt, idempotent=True)

    def retry(self, attempt: Callable[[], T], *, idempotent: bool) -> T:
        """Call up to 3 times: after any failure that may pass if `idempotent`, else only if nothing was done."""
        return call_with_retries(
            attempt,
            _RETRIES,
            self.transport,
            ProviderUnavailable,
            lambda error: idempotent or not error.outcome_unknown,
        )

    def poll(self, delays: Iterable[float]) -> Iterator[int]:
        """Yield 0 at once, then 1, 2… after each delay, in seconds."""
        yield 0
        for attempt, delay in enumerate(delays, 1):
            self.transport.sleep(delay)
            yield attempt

    def send(
        self,
        step: str,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        secrets: Iterable[str] = (),
    ) -> ProviderResponse:
        """One request, one answer with a 2xx status and, unless it is empty, JSON.

        `hide` are values of the request that must not come back in a message. Raises ProviderRejected,
        ProviderUnavailable, ProviderTimeout.
        """
        response = self._exchange(step, method, path, params, body, secrets)
        return self._raise_for_status(step, response, secrets)

    def provider_error(
        self, step: str, status: int, error_body: ErrorBody, secrets: Iterable[str] = ()
    ) -> ProviderError:
        """The error for this refusal. A status of 429 or 5xx outweighs the words."""
        kind = error_body.kind or _KIND_BY_STATUS.get(status, "other")
        if status == 429:
            kind = "throttled"
        elif status >= 500 and kind != "throttled":
            kind = "unavailable"
        detail = "refused" if status < 300 else f"HTTP {status}"
        if error_body.code:
            detail += f" {redact_code(error_body.code)}"
        if error_body.message:
            detail += f": {redact(error_body.message, (self._token, *secrets))}"
        if kind in ("throttled", "unavailable"):
            return ProviderUnavailable(
                self.provider, step, detail, outcome_unknown=kind == "unavailable", retry_after=error_body.retry_after
            )
        return ProviderRejected(self.provider, step, detail, reason=kind)

    def unexpected_response(self, step: str, problem: str) -> ProviderUnavailable:
        """The error for an answer that lacks what it must have; something may have been done."""
        return ProviderUnavailable(self.provider, step, f"unexpected answer: {problem}")

    def _raise_for_status(self, step: str, response: "_UncheckedResponse", secrets: Iterable[str]) -> ProviderResponse:
        if 200 <= response.status < 300:
            if response.body_format == "other":
                raise self.unexpected_response(step, f"HTTP {response.status} without JSON")
            return response
        if 300 <= response.status < 400:
            error_body = ErrorBody("invalid", message="the provider's address redirects")
        else:
            error_body = self._parse_error_body(response.status, response.body)
        if response.retry_after is not None:
            error_body = ErrorBody(error_body.kind, error_body.code, error_body.message, response.retry_after)
        raise self.provider_error(step, response.status, error_body, secrets)

    def _exchange(
        self,
        step: str,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        secrets: Iterable[str] = (),
    ) -> "_UncheckedResponse":
        try:
            http = self._ensure_http()
            request = http.build_request(method, self.url + path, params=params, json=body)
        except (ValueError, httpx.InvalidURL):
            # Without its cause: a text that cannot be encoded stands in that exception's message.
            raise ProviderRejected(
                self.provider, step, "the request cannot be written: address, credential or content", reason="invalid"
            ) from None
        try:
            response = http.send(request)
        except tuple(TRANSPORT_FAILURES) as error:
            raise self._transport_error(step, error, secrets) from None
        body_format: Literal["json", "empty", "other"] = "json" if response.content else "empty"
        parsed: object = None
        if response.content:
            try:
                parsed = json.loads(response.content)
            except (ValueError, RecursionError):
                body_format = "other"
        return _UncheckedResponse(response.status_code, parsed, body_format, self._read_retry_after(response))

    def _transport_error(self, step: str, error: Exception, secrets: Iterable[str]) -> ProviderError:
        failure = classify_transport_failure(error)
        name = type(error).__name__
        if failure == "refused":
            # No text: h11 quotes the header that it refuses, which is the credential.
            return ProviderRejected(self.provider, step, f"the request cannot be sent ({name})", reason="invalid")
        text = redact(str(error), (self._token, *secrets))
        detail = f"{name}: {text}" if text else name
        if failure == "unsent":
            return ProviderUnavailable(self.provider, step, f"no connection ({detail})", outcome_unknown=False)
        if failure == "unreadable":
            return ProviderUnavailable(self.provider, step, f"the answer cannot be read ({name})")
        return ProviderTimeout(self.provider, step, f"no answer ({detail})")

    def _ensure_http(self) -> httpx.Client:
        if self._http is None:
            self._http = create_httpx_client(
                self.url,
                {"Authorization": f"Bearer {self._token}", "Accept": "application/json"},
                self._timeout,
                self.transport,
            )
        return self._http

    def _read_retry_after(self, response: httpx.Response) -> float | None:
        headers = response.headers
        seconds = parse_retry_after(headers.get("retry-after", ""))
        # Only with a 429: some providers tell the end of their window with every answer.
        if seconds is None and self._rate_limit_reset_unit is not None and response.status_code == 429:
            seconds = parse_seconds(headers.get("x-ratelimit-reset", ""))
            if seconds is not None and self._rate_limit_reset_unit == "epoch":
                seconds = max(0.0, seconds - time.time())
        return seconds


@dataclass(frozen=True, slots=True)
class _UncheckedResponse(ProviderResponse):
    """An answer with any status."""

    retry_after: float | None


def quote_path_segment(value: str) -> str:
    """An id as one segment of a path, percent-encoded (`+1555…`, `name@domain`).

    Raises InvalidInput for what would lead elsewhere: an empty id names the whole collection, `..` its parent.
    """
    if value in ("", ".", ".."):
        raise InvalidInput(f"{value!r} is no id of a resource")
    return quote(value, safe="")

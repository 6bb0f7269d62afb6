"""The HTTP client of the providers: JSON requests, short retries, and the mapping of every failure to an error.

Of the providers' modules only this one uses httpx. Each provider parses its own error bodies (`ErrorBodyParser`); the
rest of the mapping is the same for all:

    not sent, because no time is left          ProviderTimeout, nothing was done
    no connection                              ProviderUnavailable, nothing was done
    sent, no or an incomplete response         ProviderTimeout, outcome unknown
    an answer that is too large or unreadable  ProviderUnavailable, outcome unknown
    429, or an error body that means it        ProviderUnavailable, nothing was done, with `retry_after` if given
    5xx, 408, 425                              ProviderUnavailable, outcome unknown
    a 2xx without the call's success body      ProviderUnavailable, outcome unknown
    any other status                           ProviderRejected with a reason
"""

import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from typing import Literal, TypeVar

import httpx

from .. import deadlines
from ..errors import (
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from ..http_body import ACCEPTED_ENCODING, BodyTooLarge, read_body
from ..http_transport import (
    TRANSPORT_FAILURES,
    RetryPolicy,
    Transport,
    call_with_retries,
    classify_transport_failure,
    create_httpx_client,
)
from ..json_values import as_object
from ..metrics import count_provider_call
from ..redaction import redact, redact_code
from ..settings.secrets import refresh_secret
from .http_response import (
    KIND_BY_STATUS,
    BodyParser,
    DeletionOutcome,
    ErrorBody,
    ErrorBodyParser,
    ProviderResponse,
    ResetUnit,
    UncheckedResponse,
    has_error,
    is_expected,
    parse_content,
    read_retry_after,
)  # fmt: skip

__all__ = ["MAX_BODY_BYTES", "HttpClient"]

MAX_BODY_BYTES = 2 * 1024 * 1024
"""The largest answer, decompressed. A page of 500 services may have 4 KiB of each; one has about 0.5 KiB."""

_RETRIES = RetryPolicy(initial_backoff=0.2, max_backoff=2.0, deadline=15.0)
"""Longer delays are left to the retries of the caller (Step Functions, schedules)."""

T = TypeVar("T")
_Query = Mapping[str, str | int]


class HttpClient:
    """A client of one provider's JSON API with a bearer token.

    It connects with the first request and keeps its connections for the next ones. Threads may share it.

    All methods that send raise ProviderRejected, ProviderUnavailable or ProviderTimeout; `step` is the call's name in
    these errors, and neither the token nor a value of `secrets` stands in their messages.

    Args:
        provider: The provider's id in errors.
        url: The base URL of all paths.
        token: The bearer token.
        credential_setting: The variable that holds it. After a response that refuses the token, it is read again, and
            the request is repeated once if it has changed. Empty: the token never changes.
        refusing_statuses: The statuses with which the provider refuses a token that it does not know (any more).
        timeout: Seconds for a whole request, from connecting to the last byte of the answer. It ends earlier if the
            invocation's deadline comes first (`deadlines`).
        parse_error_body: Parses the provider's error bodies.
        rate_limit_reset_unit: The unit of the provider's `X-RateLimit-Reset`: `seconds` from now, or `epoch` seconds;
            None if it is not documented, then the header is ignored.
        transport: The network and the clock, replaced in tests.
    """

    def __init__(
        self,
        provider: str,
        url: str,
        *,
        token: str,
        credential_setting: str = "",
        timeout: float,
        parse_error_body: ErrorBodyParser,
        rate_limit_reset_unit: ResetUnit | None = None,
        refusing_statuses: Container[int] = (401,),
        transport: Transport | None = None,
    ) -> None:
        self.provider = provider
        self.url = url.rstrip("/")
        self.transport = transport or Transport()
        self._token = token
        self._credential_setting = credential_setting
        self._refusing_statuses = refusing_statuses
        self._timeout = timeout
        self._parse_error_body = parse_error_body
        self._rate_limit_reset_unit: ResetUnit | None = rate_limit_reset_unit
        self._http: httpx.Client | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"HttpClient({self.provider!r}, {redact(self.url, (self._token,))!r})"

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        http, self._http = self._http, None
        if http is not None:
            http.close()

    def get(self, step: str, path: str, params: _Query | None = None, *, parse: BodyParser[T]) -> T:
        """Send a GET, with retries, and return what `parse` returns."""
        return self.retry(
            lambda: self._parse(step, self.send(step, "GET", path, params=params), parse), idempotent=True
        )

    def find(self, step: str, path: str, *, parse: BodyParser[T], existing_path: str) -> T | None:
        """Send a GET for one resource, with retries; None if the provider says that it does not exist.

        Args:
            step: The call's name in errors.
            path: The resource's path.
            parse: Returns the resource, None for any other body.
            existing_path: As in `delete`.
        """

        def attempt() -> T | None:
            response = self._exchange(step, "GET", path)
            try:
                return self._parse(step, self._raise_for_status(step, response, ()), parse)
            except ProviderRejected as error:
                if error.reason != "not_found":
                    raise
            self._require_address(step, response, existing_path)
            return None

        return self.retry(attempt, idempotent=True)

    def mutate(
        self, step: str, method: str, path: str, body: object, *, parse: BodyParser[T], idempotent: bool = False
    ) -> T:
        """Send a request that changes something, and return what `parse` returns.

        It is retried only after errors that prove that nothing was done, unless it is `idempotent`.
        """
        return self.retry(
            lambda: self._parse(step, self.send(step, method, path, body=body), parse), idempotent=idempotent
        )

    def delete(
        self,
        step: str,
        path: str,
        *,
        existing_path: str,
        classify: Callable[[ProviderResponse], Literal["deleted", "accepted"] | None],
        exists: Callable[[], bool],
    ) -> DeletionOutcome:
        """Send a DELETE, with retries.

        Args:
            step: The call's name in errors.
            path: The resource's path.
            existing_path: A path that always exists. After a 404 without JSON, which any server at a wrong URL sends
                too, it must answer; otherwise its error is raised, since the resource would be leaked.
            classify: Returns what a 2xx means, None if it is not the provider's success.
            exists: Looks the resource up after such a 2xx. Only its absence proves the deletion then.

        Returns:
            `deleted` also where the resource is missing after an attempt with an unknown outcome, which may have
            deleted it.
        """
        may_have_deleted = False

        def attempt() -> DeletionOutcome:
            nonlocal may_have_deleted
            try:
                response = self._exchange(step, "DELETE", path)
                if 200 <= response.status < 300:
                    outcome = None if has_error(as_object(response.body)) else classify(response)
                    if outcome is None and exists():
                        raise self._wrong_success(step, response)
                    return outcome or "deleted"
                if response.status not in (404, 410):
                    self._raise_for_status(step, response, ())
            except ProviderUnavailable as error:
                may_have_deleted = may_have_deleted or error.outcome_unknown
                raise
            self._require_address(step, response, existing_path)
            return "deleted" if may_have_deleted else "gone"

        return self.retry(attempt, idempotent=True)

    def take_over_rotated_token(self) -> bool:
        """Read the token again, since the provider has refused it; whether there is another one, used from now on."""
        new_token = refresh_secret(self._credential_setting, self._token) if self._credential_setting else ""
        if not new_token:
            return False
        # The connections' headers hold the old one. Not closed: other threads may have requests on them.
        with self._lock:
            self._token = new_token
            self._http = None
        return True

    def retry(self, attempt: Callable[[], T], *, idempotent: bool) -> T:
        """Call `attempt` up to 3 times. Errors with an unknown outcome are retried only if it is `idempotent`."""
        return call_with_retries(lambda: self.count_attempt(attempt), _RETRIES, self.transport, idempotent=idempotent)

    def count_attempt(self, attempt: Callable[[], T]) -> T:
        """Call `attempt` once, and count it in the metrics of the provider's calls."""
        try:
            result = attempt()
        except ProviderError as error:
            count_provider_call(self.provider, failed=not is_expected(error))
            raise
        count_provider_call(self.provider, failed=False)
        return result

    def poll(self, delays: Iterable[float]) -> Iterator[int]:
        """Yield 0 at once, then 1, 2… after each of the delays (seconds): the numbers of the polls.

        When no time is left, the next request says so.
        """
        yield 0
        for number, delay in enumerate(delays, 1):
            self.transport.sleep(min(delay, deadlines.seconds_left()))
            yield number

    def send(
        self,
        step: str,
        method: str,
        path: str = "",
        *,
        params: _Query | None = None,
        body: object = None,
        secrets: Iterable[str] = (),
    ) -> ProviderResponse:
        """Send one request, without retries, and return its 2xx response, whatever its body is.

        Args:
            step: The call's name in errors.
            method: The HTTP method.
            path: Appended to the base URL; ids in it are encoded by `quote_path_segment`.
            params: The query.
            body: Sent as JSON unless None.
            secrets: Values of the request that must not stand in an error message.

        Raises:
            ProviderRejected: nothing was done.
            ProviderUnavailable: a 429 or a 5xx; `outcome_unknown` tells these apart.
            ProviderTimeout: no complete response.
        """
        response = self._exchange(step, method, path, params, body, secrets)
        return self._raise_for_status(step, response, secrets)

    def provider_error(
        self, step: str, status: int, error_body: ErrorBody, secrets: Iterable[str] = ()
    ) -> ProviderError:
        """Build the error for an error response. A status of 429 or 5xx outweighs the body's kind."""
        kind = error_body.kind or KIND_BY_STATUS.get(status, "other")
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

    def _parse(self, step: str, response: ProviderResponse, parse: BodyParser[T]) -> T:
        body = as_object(response.body)
        value = None if response.body_format == "other" or has_error(body) else parse(body)
        if value is None:
            raise self._wrong_success(step, response)
        return value

    def _wrong_success(self, step: str, response: ProviderResponse) -> ProviderUnavailable:
        """Build the error for a 2xx without the call's success body; it quotes the body's error, if there is one."""
        if response.body_format == "other":
            return self.unexpected_response(step, f"HTTP {response.status} without JSON")
        error = self._parse_error_body(response.status, response.body)
        if not (error.code or error.message):
            return self.unexpected_response(step, f"HTTP {response.status} without the body of a success")
        text = redact(f"{error.code} {error.message}".strip(), (self._token,))
        return self.unexpected_response(step, f"HTTP {response.status} with an error: {text}")

    def _require_address(self, step: str, response: ProviderResponse, existing_path: str) -> None:
        """Raise the error of `existing_path` if it does not answer, for a 404 that is no JSON."""
        if response.body_format == "other":
            self.get(step, existing_path, parse=lambda body: body or None)

    def unexpected_response(self, step: str, problem: str) -> ProviderUnavailable:
        """Build the error for a response that lacks a required part; the outcome is unknown."""
        return ProviderUnavailable(self.provider, step, f"unexpected answer: {problem}")

    def _raise_for_status(self, step: str, response: UncheckedResponse, secrets: Iterable[str]) -> ProviderResponse:
        if 200 <= response.status < 300:
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
        params: _Query | None = None,
        body: object = None,
        secrets: Iterable[str] = (),
        *,
        is_repeated: bool = False,
    ) -> UncheckedResponse:
        try:
            http = self._ensure_http()
            request = http.build_request(method, self.url + path, params=params, json=body)
        except (ValueError, httpx.InvalidURL):
            # No cause: the exception's message contains the text that cannot be encoded.
            raise ProviderRejected(
                self.provider, step, "the request cannot be written: address, credential or content", reason="invalid"
            ) from None
        if not deadlines.seconds_left():
            raise ProviderTimeout(self.provider, step, "not sent, because no time is left", outcome_unknown=False)
        try:
            with deadlines.limit(self._timeout), closing(http.send(request, stream=True)) as response:
                content = read_body(response, MAX_BODY_BYTES)
        except tuple(TRANSPORT_FAILURES) as error:
            raise self._transport_error(step, error, secrets) from None
        body_format, parsed = parse_content(content)
        retry_after = read_retry_after(response.status_code, response.headers, self._rate_limit_reset_unit)
        unchecked = UncheckedResponse(response.status_code, parsed, body_format, retry_after)
        if not is_repeated and self._refuses_token(unchecked) and self.take_over_rotated_token():
            return self._exchange(step, method, path, params, body, secrets, is_repeated=True)
        return unchecked

    def _refuses_token(self, response: UncheckedResponse) -> bool:
        if response.status not in self._refusing_statuses:
            return False
        kind = self._parse_error_body(response.status, response.body).kind
        return (kind or KIND_BY_STATUS.get(response.status)) == "unauthorized"

    def _transport_error(self, step: str, error: Exception, secrets: Iterable[str]) -> ProviderError:
        failure = classify_transport_failure(error)
        name = type(error).__name__
        if failure == "refused":
            # No text: h11 quotes the malformed header, which is the credential.
            return ProviderRejected(self.provider, step, f"the request cannot be sent ({name})", reason="invalid")
        text = redact(str(error), (self._token, *secrets))
        detail = f"{name}: {text}" if text else name
        if failure == "unsent":
            return ProviderUnavailable(self.provider, step, f"no connection ({detail})", outcome_unknown=False)
        if failure == "unreadable":
            problem = str(error) if isinstance(error, BodyTooLarge) else name
            return ProviderUnavailable(self.provider, step, f"the answer cannot be read ({problem})")
        return ProviderTimeout(self.provider, step, f"no answer ({detail})")

    def _ensure_http(self) -> httpx.Client:
        with self._lock:
            if self._http is None:
                headers = {
                    "Authorization": f"Bearer {self._token}",
                    "Accept": "application/json",
                    "Accept-Encoding": ACCEPTED_ENCODING,
                }
                self._http = create_httpx_client(self.url, headers, self._timeout, self.transport)
            return self._http

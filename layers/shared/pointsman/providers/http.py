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
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from random import random
from typing import Literal, TypeVar
from urllib.parse import quote

import httpx

from ..errors import InvalidInput, ProviderError, ProviderRejected, ProviderTimeout, ProviderUnavailable, Reason
from .masking import mask, word

__all__ = ["FAILURES", "Answer", "Client", "Explain", "Kind", "Said", "Wire", "pause", "segment"]

CONNECT_SECONDS = 5.0
TRIES = 3
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 2.0
"""A provider that asks for a longer pause is not waited for here: the caller's own, long retries do that."""
PATIENCE_SECONDS = 15.0
"""No new try is begun when this much time has passed since the first one."""

Failure = Literal["unsent", "unknown", "unreadable", "refused"]

FAILURES: dict[type[Exception], Failure] = {
    httpx.ConnectError: "unsent",
    httpx.ConnectTimeout: "unsent",
    httpx.PoolTimeout: "unsent",
    httpx.ProxyError: "unsent",
    httpx.InvalidURL: "refused",
    httpx.UnsupportedProtocol: "refused",
    httpx.LocalProtocolError: "refused",
    httpx.DecodingError: "unreadable",
    httpx.TooManyRedirects: "unreadable",
    httpx.HTTPStatusError: "unreadable",
    httpx.CookieConflict: "unreadable",
    httpx.StreamError: "unreadable",
    httpx.StreamConsumed: "unreadable",
    httpx.StreamClosed: "unreadable",
    httpx.ResponseNotRead: "unreadable",
    httpx.RequestNotRead: "unreadable",
    httpx.ReadTimeout: "unknown",
    httpx.WriteTimeout: "unknown",
    httpx.TimeoutException: "unknown",
    httpx.ReadError: "unknown",
    httpx.WriteError: "unknown",
    httpx.CloseError: "unknown",
    httpx.NetworkError: "unknown",
    httpx.RemoteProtocolError: "unknown",
    httpx.ProtocolError: "unknown",
    httpx.TransportError: "unknown",
    httpx.RequestError: "unknown",
    httpx.HTTPError: "unknown",
}
"""What each exception of httpx says about the request. A test fails on one that is missing here."""

Kind = Reason | Literal["throttled", "unavailable"]
"""What a provider's words mean: a reason to reject, or one of two that may pass: `throttled` did nothing, after
`unavailable` the outcome is unknown."""

_BY_STATUS: dict[int, Kind] = {
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
class Said:
    """What an error body says. `kind` is None where the status must tell; `code` is a word of the provider's fixed
    vocabulary, `text` its message (masked and cut before anyone sees it), `retry_after` in seconds."""

    kind: Kind | None = None
    code: str = ""
    text: str = ""
    retry_after: float | None = None


Explain = Callable[[int, object], Said]
"""Reads an error body: takes the HTTP status and the parsed JSON (None where it is none)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer. `body` is the parsed JSON, None where there is none; `form` tells a body that is no JSON."""

    status: int
    body: object
    form: Literal["json", "empty", "other"]


@dataclass(frozen=True, slots=True)
class Wire:
    """What tests put in place of the network and the clock. Times are in seconds."""

    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


class Client:
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
        explain: Explain,
        reset: Literal["seconds", "epoch"] | None = None,
        wire: Wire | None = None,
    ) -> None:
        self.provider = provider
        self.url = url.rstrip("/")
        self.wire = wire or Wire()
        self._token = token
        self._timeout = timeout
        self._explain = explain
        self._reset = reset
        self._http: httpx.Client | None = None

    def __repr__(self) -> str:
        return f"Client({self.provider!r}, {mask(self.url, (self._token,))!r})"

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        opened, self._http = self._http, None
        if opened is not None:
            opened.close()

    def read(self, step: str, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
        """GET, tried again a few times where that may help."""
        return self.retry(lambda: self.send(step, "GET", path, params=params), idempotent=True)

    def write(self, step: str, method: str, path: str, body: object, *, hide: Iterable[str] = ()) -> Answer:
        """A mutation, tried again only where the provider did nothing: its outcome must never be guessed."""
        return self.retry(lambda: self.send(step, method, path, body=body, hide=hide), idempotent=False)

    def remove(self, step: str, path: str, *, proof: str) -> Literal["deleted", "accepted", "gone"]:
        """DELETE. `accepted` is a 202; `gone` means that it was not there before this call.

        A 404 that is not in JSON may come from anything that stands at a wrong address, and believing it would leak
        what is to be deleted; so the path `proof`, which must exist, is read before it is believed.
        """
        lost = False

        def once() -> Literal["deleted", "accepted", "gone"]:
            nonlocal lost
            try:
                answer = self._exchange(step, "DELETE", path)
            except ProviderUnavailable as error:
                lost = lost or error.outcome_unknown
                raise
            if answer.status in (404, 410):
                if answer.form == "other":
                    self.read(step, proof)
                return "deleted" if lost else "gone"
            try:
                self._judge(step, answer, ())
            except ProviderUnavailable as error:
                lost = lost or error.outcome_unknown
                raise
            return "accepted" if answer.status == 202 else "deleted"

        return self.retry(once, idempotent=True)

    def retry(self, once: Callable[[], T], *, idempotent: bool) -> T:
        """Call up to 3 times: after any failure that may pass if `idempotent`, else only if nothing was done."""
        begun, tried = self.wire.clock(), 0
        while True:
            try:
                return once()
            except ProviderUnavailable as error:
                tried += 1
                wait = FIRST_WAIT_SECONDS * 2 ** (tried - 1) * (0.5 + random())  # noqa: S311 - jitter
                wait = max(wait, error.retry_after or 0.0)
                hopeless = tried >= TRIES or wait > LONGEST_WAIT_SECONDS
                if hopeless or (error.outcome_unknown and not idempotent):
                    raise
                if self.wire.clock() - begun + wait > PATIENCE_SECONDS:
                    raise
            self.wire.sleep(wait)

    def send(
        self,
        step: str,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        hide: Iterable[str] = (),
    ) -> Answer:
        """One request, one answer with a 2xx status and, unless it is empty, JSON.

        `hide` are values of the request that must not come back in a message. Raises ProviderRejected,
        ProviderUnavailable, ProviderTimeout.
        """
        answer = self._exchange(step, method, path, params, body, hide)
        return self._judge(step, answer, hide)

    def failure(self, step: str, status: int, said: Said, hide: Iterable[str] = ()) -> ProviderError:
        """The error for this refusal. A status of 429 or 5xx outweighs the words."""
        kind = said.kind or _BY_STATUS.get(status, "other")
        if status == 429:
            kind = "throttled"
        elif status >= 500 and kind != "throttled":
            kind = "unavailable"
        what = "refused" if status < 300 else f"HTTP {status}"
        if said.code:
            what += f" {word(said.code)}"
        if said.text:
            what += f": {mask(said.text, (self._token, *hide))}"
        if kind in ("throttled", "unavailable"):
            return ProviderUnavailable(
                self.provider, step, what, outcome_unknown=kind == "unavailable", retry_after=said.retry_after
            )
        return ProviderRejected(self.provider, step, what, reason=kind)

    def strange(self, step: str, what: str) -> ProviderUnavailable:
        """The error for an answer that lacks what it must have; something may have been done."""
        return ProviderUnavailable(self.provider, step, f"unexpected answer: {what}")

    def _judge(self, step: str, answer: "_Received", hide: Iterable[str]) -> Answer:
        if 200 <= answer.status < 300:
            if answer.form == "other":
                raise self.strange(step, f"HTTP {answer.status} without JSON")
            return answer
        if 300 <= answer.status < 400:
            said = Said("invalid", text="the provider's address redirects")
        else:
            said = self._explain(answer.status, answer.body)
        if answer.retry_after is not None:
            said = Said(said.kind, said.code, said.text, answer.retry_after)
        raise self.failure(step, answer.status, said, hide)

    def _exchange(
        self,
        step: str,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        hide: Iterable[str] = (),
    ) -> "_Received":
        try:
            http = self._open()
            request = http.build_request(method, self.url + path, params=params, json=body)
        except (ValueError, httpx.InvalidURL):
            # Without its cause: a text that cannot be encoded stands in that exception's message.
            raise ProviderRejected(
                self.provider, step, "the request cannot be written: address, credential or content", reason="invalid"
            ) from None
        try:
            response = http.send(request)
        except tuple(FAILURES) as error:
            raise self._unanswered(step, error, hide) from None
        form: Literal["json", "empty", "other"] = "json" if response.content else "empty"
        parsed: object = None
        if response.content:
            try:
                parsed = json.loads(response.content)
            except (ValueError, RecursionError):
                form = "other"
        return _Received(response.status_code, parsed, form, self._retry_after(response))

    def _unanswered(self, step: str, error: Exception, hide: Iterable[str]) -> ProviderError:
        failure = next(FAILURES[kind] for kind in type(error).__mro__ if kind in FAILURES)
        name = type(error).__name__
        if failure == "refused":
            # No text: h11 quotes the header that it refuses, which is the credential.
            return ProviderRejected(self.provider, step, f"the request cannot be sent ({name})", reason="invalid")
        text = mask(str(error), (self._token, *hide))
        what = f"{name}: {text}" if text else name
        if failure == "unsent":
            return ProviderUnavailable(self.provider, step, f"no connection ({what})", outcome_unknown=False)
        if failure == "unreadable":
            return ProviderUnavailable(self.provider, step, f"the answer cannot be read ({name})")
        return ProviderTimeout(self.provider, step, f"no answer ({what})")

    def _open(self) -> httpx.Client:
        if self._http is None:
            self._http = httpx.Client(
                headers={
                    "Authorization": f"Bearer {self._token}",
                    "Accept": "application/json",
                    "User-Agent": "pointsman",
                },
                timeout=httpx.Timeout(self._timeout, connect=CONNECT_SECONDS),
                # Reading the certificates costs a good part of a cold start; without TLS there is nothing to verify.
                verify=not self.url.lower().startswith("http://"),
                # Nothing of the shell (proxies, .netrc) may change where a credential goes, nor may a redirect.
                trust_env=False,
                follow_redirects=False,
                transport=self.wire.transport,
            )
        return self._http

    def _retry_after(self, response: httpx.Response) -> float | None:
        headers = response.headers
        seconds = pause(headers.get("retry-after", ""))
        # Only with a 429: some providers tell the end of their window with every answer.
        if seconds is None and self._reset is not None and response.status_code == 429:
            seconds = _seconds(headers.get("x-ratelimit-reset", ""))
            if seconds is not None and self._reset == "epoch":
                seconds = max(0.0, seconds - time.time())
        return seconds


@dataclass(frozen=True, slots=True)
class _Received(Answer):
    """An answer with any status."""

    retry_after: float | None


def segment(value: str) -> str:
    """An id as one segment of a path, percent-encoded (`+1555…`, `name@domain`).

    Raises InvalidInput for what would lead elsewhere: an empty id names the whole collection, `..` its parent.
    """
    if value in ("", ".", ".."):
        raise InvalidInput(f"{value!r} is no id of a resource")
    return quote(value, safe="")


def pause(value: str) -> float | None:
    """The seconds that a `Retry-After` asks for, given as a number or as a date; None where it is neither."""
    value = value.strip()
    seconds = _seconds(value)
    return _until(value) if seconds is None and value else seconds


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _until(value: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None

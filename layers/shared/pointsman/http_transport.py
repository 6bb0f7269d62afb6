"""What the layer's HTTP clients share: how httpx's exceptions are classified, retries, and the seam for tests.

A transport failure says what is known about the request:

    unsent        no connection; the server has done nothing
    unknown       sent, but without a complete response; the server may have acted
    unreadable    a response came that cannot be decoded
    refused       httpx will not send it; the address or a header is malformed
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from random import random
from typing import TYPE_CHECKING, Literal, TypeVar

import httpx

from . import deadlines
from .errors import ModelFailed, ProviderUnavailable

if TYPE_CHECKING:
    import ssl

__all__ = [
    "MAX_IDLE_SECONDS",
    "TRANSPORT_FAILURES",
    "RetryPolicy",
    "Transport",
    "TransportFailure",
    "call_with_retries",
    "classify_transport_failure",
    "create_httpx_client",
    "create_tls_context",
    "parse_retry_after",
    "parse_seconds",
]

CONNECT_TIMEOUT_SECONDS = 5.0
MAX_IDLE_SECONDS = 20.0
"""How long an idle connection is kept. An older one may be closed by the server or dropped by a NAT gateway."""

TransportFailure = Literal["unsent", "unknown", "unreadable", "refused"]

TRANSPORT_FAILURES: dict[type[Exception], TransportFailure] = {
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

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transport:
    """What tests replace: the network, sleeping and the monotonic clock. Times are in seconds."""

    http_transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The limits of short retries within one call. Times are in seconds."""

    initial_backoff: float
    """Mean delay before the first retry; it doubles for each further one, with a jitter of ±50 %."""
    max_backoff: float
    """A longer delay, also one that the server asks for by `Retry-After`, ends the retries."""
    deadline: float
    """No attempt starts later than this after the first one."""
    max_attempts: int = 3


def call_with_retries(
    attempt: Callable[[], T],
    policy: RetryPolicy,
    transport: Transport,
    *,
    idempotent: bool = True,
    before_retry: Callable[[], None] | None = None,
) -> T:
    """Call `attempt` until it succeeds, its error does not permit a retry or the policy's limits are reached.

    ModelFailed is retried if it is `retryable`, ProviderUnavailable if the call is idempotent or nothing was done. The
    error's `retry_after` is a lower bound of the delay. All other exceptions are not retried. No retry begins after the
    invocation's deadline (`deadlines`).

    Args:
        attempt: One attempt.
        policy: The limits.
        transport: Its clock and sleep are used.
        idempotent: Whether the call may be repeated after an unknown outcome.
        before_retry: Called before the delay of each retry.

    Raises:
        ModelFailed: the last attempt's error.
        ProviderUnavailable: the last attempt's error.
    """
    started_at, attempts = transport.clock(), 0
    while True:
        try:
            return attempt()
        except (ModelFailed, ProviderUnavailable) as error:
            attempts += 1
            delay = policy.initial_backoff * 2 ** (attempts - 1) * (0.5 + random())  # noqa: S311 - jitter
            delay = max(delay, error.retry_after or 0.0)
            may_repeat = idempotent or not (isinstance(error, ProviderUnavailable) and error.outcome_unknown)
            if not error.retryable or not may_repeat or attempts >= policy.max_attempts or delay > policy.max_backoff:
                raise
            if transport.clock() - started_at + delay > policy.deadline or delay >= deadlines.seconds_left():
                raise
        if before_retry is not None:
            before_retry()
        transport.sleep(delay)


def classify_transport_failure(error: Exception) -> TransportFailure:
    """Look up an exception of httpx by its nearest class in `TRANSPORT_FAILURES`."""
    return next(TRANSPORT_FAILURES[kind] for kind in type(error).__mro__ if kind in TRANSPORT_FAILURES)


def create_httpx_client(url: str, headers: dict[str, str], timeout: float, transport: Transport) -> httpx.Client:
    """Create an httpx client for requests to `url`. `timeout` is in seconds, for each read and write.

    A whole request is bounded by `deadlines.limit` around it. Proxies, `.netrc` and redirects are ignored: none of them
    may change where a credential is sent.
    """
    # Imported late, as httpx itself does: it loads httpcore, which a function without a call does not need.
    from .http_network import DeadlineTransport

    verify = create_tls_context(verify=not url.lower().startswith("http://"))
    return httpx.Client(
        headers={**headers, "User-Agent": "pointsman"},
        timeout=httpx.Timeout(timeout, connect=CONNECT_TIMEOUT_SECONDS),
        trust_env=False,
        follow_redirects=False,
        transport=transport.http_transport or DeadlineTransport(verify, MAX_IDLE_SECONDS),
    )


@cache
def create_tls_context(*, verify: bool) -> "ssl.SSLContext":
    """Create the TLS context of all clients of the process, once: loading the CA certificates takes longer than a call.

    Without TLS there is nothing to verify, and no certificate is loaded.
    """
    return httpx.create_ssl_context(verify=verify, trust_env=False)


def parse_retry_after(value: str) -> float | None:
    """Parse a `Retry-After` header, a number of seconds or an HTTP date, to seconds from now; None if it is neither."""
    value = value.strip()
    seconds = parse_seconds(value)
    return _parse_http_date(value) if seconds is None and value else seconds


def parse_seconds(value: str) -> float | None:
    """Parse a finite, non-negative number of seconds; None if it is not one."""
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _parse_http_date(value: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None

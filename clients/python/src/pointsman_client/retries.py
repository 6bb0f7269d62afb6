"""When a request is sent again: the policy, and the transports that follow it.

A request is repeated where that cannot do anything twice. What may have been carried out is repeated only if the server
then gives the first answer (`Idempotency-Key`), or if doing it again changes nothing. Each repeat has the same key.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from .errors import CONNECTION_FAILED, PointsmanError, parse_retry_after

__all__ = ["SINGLE_ATTEMPT", "AsyncRetryTransport", "RetryPolicy", "RetryTransport"]

SINGLE_ATTEMPT = "pointsman_single_attempt"
"""The extension of a request that its sender repeats by itself."""

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_UNCERTAIN_STATUSES = (502, 503, 504)
_WRONG_REQUEST = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
"""What no repeat changes."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

IsRepeatable = Callable[[httpx.Request], bool]


@dataclass(frozen=True)
class RetryPolicy:
    """How often a request is sent, and how long a client waits in between.

    Attributes:
        attempts: requests in all; 1 never repeats one. Of a prompt's stream: connections in a row that bring nothing.
        first_pause: seconds before the second attempt; doubled each time, with jitter.
        longest_pause: seconds. A `Retry-After` above it is not waited for: the error has it as `retry_after`.
    """

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30.0

    def get_pause(self, failures: int, retry_after: float | None = None) -> float | None:
        """Return the seconds until the next attempt; None if there is none.

        Args:
            failures: attempts that have failed, at least 1.
            retry_after: what the server asks for, in seconds.
        """
        if failures >= self.attempts or (retry_after is not None and retry_after > self.longest_pause):
            return None
        jitter = 0.5 + random.random() / 2  # noqa: S311 - no secret
        if retry_after is not None:
            # Clients that were refused together do not come back together.
            return retry_after + self.first_pause * random.random()  # noqa: S311
        return min(self.first_pause * 2 ** (failures - 1), self.longest_pause) * jitter


class _Attempts:
    """The attempts of one request."""

    def __init__(self, policy: RetryPolicy, request: httpx.Request, is_repeatable: IsRepeatable) -> None:
        self._policy = policy
        if request.method not in _SAFE_METHODS and "idempotency-key" not in request.headers:
            request.headers["Idempotency-Key"] = uuid.uuid4().hex
        self._is_repeatable = request.method in _SAFE_METHODS or is_repeatable(request)
        self._failures = 0

    def get_pause_after_error(self, error: httpx.TransportError) -> float:
        """Return the seconds until the next attempt.

        Raises:
            PointsmanError: there is none.
        """
        self._failures += 1
        pause = self._policy.get_pause(self._failures)
        may_repeat = self._is_repeatable or isinstance(error, _NEVER_SENT)
        if pause is None or not may_repeat or isinstance(error, _WRONG_REQUEST):
            raise build_connection_error(error, self._failures) from error
        return pause

    def get_pause_after_response(self, response: httpx.Response) -> float | None:
        """Return the seconds until the next attempt, or None if this response is the answer. Its body has been read."""
        self._failures += 1
        response.extensions["attempts"] = self._failures
        status = response.status_code
        # The first request with this key may still run; a repeat gets its answer then.
        is_early = status == 409 and b'"IDEMPOTENCY_IN_PROGRESS"' in response.content
        if not (is_early or status == 429 or (self._is_repeatable and status in _UNCERTAIN_STATUSES)):
            return None
        return self._policy.get_pause(self._failures, parse_retry_after(response))


class RetryTransport(httpx.BaseTransport):
    """Repeats requests over another transport.

    Args:
        policy: how often, and when.
        is_repeatable: whether a request that changes something may be sent again although it may have been carried out.
        transport: sends each attempt.

    Raises:
        PointsmanError: no attempt was answered.
    """

    def __init__(self, policy: RetryPolicy, is_repeatable: IsRepeatable, transport: httpx.BaseTransport) -> None:
        self._policy = policy
        self._is_repeatable = is_repeatable
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, once or several times."""
        if request.extensions.get(SINGLE_ATTEMPT):
            return self._transport.handle_request(request)
        attempts = _Attempts(self._policy, request, self._is_repeatable)
        while True:
            try:
                response = self._transport.handle_request(request)
                # Here, so that an answer that is cut off is a failed attempt.
                response.read()
            except httpx.TransportError as error:
                pause = attempts.get_pause_after_error(error)
            else:
                if (wanted := attempts.get_pause_after_response(response)) is None:
                    return response
                pause = wanted
            time.sleep(pause)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class AsyncRetryTransport(httpx.AsyncBaseTransport):
    """`RetryTransport` for asyncio."""

    def __init__(self, policy: RetryPolicy, is_repeatable: IsRepeatable, transport: httpx.AsyncBaseTransport) -> None:
        self._policy = policy
        self._is_repeatable = is_repeatable
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, once or several times."""
        if request.extensions.get(SINGLE_ATTEMPT):
            return await self._transport.handle_async_request(request)
        attempts = _Attempts(self._policy, request, self._is_repeatable)
        while True:
            try:
                response = await self._transport.handle_async_request(request)
                # Here, so that an answer that is cut off is a failed attempt.
                await response.aread()
            except httpx.TransportError as error:
                pause = attempts.get_pause_after_error(error)
            else:
                if (wanted := attempts.get_pause_after_response(response)) is None:
                    return response
                pause = wanted
            await asyncio.sleep(pause)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def build_connection_error(error: httpx.TransportError, attempts: int = 1) -> PointsmanError:
    """Build the error for a request without an answer, with what httpx says, which names no header's value."""
    reason = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
    return PointsmanError(f"There is no answer: {reason}", code=CONNECTION_FAILED, attempts=attempts)

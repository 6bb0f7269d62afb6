"""The deadline of the present invocation. Whatever waits asks here how long it may, so that a function answers in time.

    begin                                                                  the function's own timeout
    |---- calls of providers and models ----|-- recording: Postgres, AWS --|-- the answer --|
                                       3 s before                     1 s before

A deadline is carried in a context variable: `concurrent_calls` takes it into other threads. Outside an invocation there
is none, and only each call's own timeout counts.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["ENDPOINT_SECONDS", "begin", "limit", "seconds_left", "seconds_left_to_record"]

ENDPOINT_SECONDS = 28.0
"""How long an endpoint works at most, whatever its function's timeout is: API Gateway waits 30 s, cold start included.
"""

_RECORD_SECONDS = 3.0
"""What is kept for recording an outcome, after the last call of a provider."""
_ANSWER_SECONDS = 1.0
"""What is kept for the answer, and for writing logs and metrics."""

_NEVER = float("inf")
_record_until: ContextVar[float] = ContextVar("record_until", default=_NEVER)
_call_until: ContextVar[float] = ContextVar("call_until", default=_NEVER)


@contextmanager
def begin(context: object, at_most: float = _NEVER) -> Generator[None]:
    """Set the deadline of an invocation for this block.

    Args:
        context: Lambda's context, whose `get_remaining_time_in_millis` knows the function's timeout. Any other object
            knows none.
        at_most: seconds from now after which the invocation must have answered in any case.
    """
    get_remaining = getattr(context, "get_remaining_time_in_millis", None)
    remaining = get_remaining() / 1000 - _ANSWER_SECONDS if get_remaining else _NEVER
    record_until = min(_record_until.get(), time.monotonic() + min(remaining, at_most))
    record_token = _record_until.set(record_until)
    call_token = _call_until.set(min(_call_until.get(), record_until - _RECORD_SECONDS))
    try:
        yield
    finally:
        _call_until.reset(call_token)
        _record_until.reset(record_token)


@contextmanager
def limit(seconds: float) -> Generator[None]:
    """Let the provider calls of this block end after so many seconds at most, retries and single reads included."""
    token = _call_until.set(min(_call_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _call_until.reset(token)


def seconds_left() -> float:
    """Return how long a call of a provider or model may still take; 0 if none may begin, `inf` without a deadline."""
    return max(0.0, _call_until.get() - time.monotonic())


def seconds_left_to_record() -> float:
    """Return the same for what records an outcome: the database, Step Functions, Secrets Manager."""
    return max(0.0, _record_until.get() - time.monotonic())

"""Calls of providers at the same time.

The first one is made in the caller's thread. The others must not use the database: the process has one connection. They
have the caller's context variables, so its deadline is theirs too.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from .errors import PointsmanError

__all__ = ["call_all", "call_both", "submit"]

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


def call_all(calls: Sequence[Callable[[], T]]) -> list[T | PointsmanError]:
    """Make all calls at the same time, and return when all have ended.

    Returns:
        The results in the order of the calls; the error in place of a result where a call raised a PointsmanError.

    Raises:
        Exception: of another kind, of the first call that raised one.
    """
    if len(calls) == 1:
        return [_catch(calls[0])]
    if not calls:
        return []
    with ThreadPoolExecutor(max_workers=len(calls) - 1) as executor:
        others = [submit(executor, lambda call=call: _catch(call)) for call in calls[1:]]
        first = _catch(calls[0])
        return [first, *(future.result() for future in others)]


def call_both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Make two calls at the same time, and return both results when both have ended.

    Raises:
        Exception: of the first call, else of the second.
    """
    with ThreadPoolExecutor(max_workers=1) as executor:
        future = submit(executor, second)
        return first(), future.result()


def submit(executor: Executor, call: Callable[[], T]) -> Future[T]:
    """Make a call in a thread of the executor, in a copy of the caller's context."""
    return executor.submit(copy_context().run, call)


def _catch(call: Callable[[], T]) -> T | PointsmanError:
    try:
        return call()
    except PointsmanError as error:
        return error

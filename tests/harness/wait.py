"""Waiting for a condition."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class WaitTimeout(AssertionError):
    """A condition did not hold in time."""


def wait_until(
    condition: Callable[[], T | None], timeout: float = 20, description: str = "", interval: float = 0.02
) -> T:
    """Poll a condition until it returns something true, and return that.

    Args:
        condition: called at least once.
        timeout: seconds.
        description: what is waited for, for the error's message.
        interval: seconds between two calls.

    Raises:
        WaitTimeout: the condition was false until the timeout.
    """
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise WaitTimeout(f"waited {timeout:g} s for {description or 'a condition'}")
        time.sleep(interval)

"""Calls in threads: one beside the test, or several at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from .wait import WaitTimeout

T = TypeVar("T")

DEFAULT_TIMEOUT = 60.0


class BackgroundCall(Generic[T]):
    """A call that runs in a daemon thread; see `run_in_background`."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._future: Future[T] = Future()
        self._function = function
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def is_done(self) -> bool:
        return self._future.done()

    def result(self, timeout: float = DEFAULT_TIMEOUT) -> T:
        """Wait for the call's end and return what it returned.

        Raises:
            WaitTimeout: it has not ended within `timeout` seconds.
            BaseException: what the call raised.
        """
        try:
            return self._future.result(timeout)
        except TimeoutError:
            if self._future.done():
                raise
            raise WaitTimeout(f"the background call has not ended in {timeout:g} s") from None

    def _run(self) -> None:
        try:
            self._future.set_result(self._function())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is read
            self._future.set_exception(error)


def run_in_background(function: Callable[[], T]) -> BackgroundCall[T]:
    """Start the call in a thread of its own."""
    return BackgroundCall(function)


def run_concurrently(*functions: Callable[[], T]) -> list[T]:
    """Start all calls at the same moment; return their results in the order of the arguments."""
    barrier = threading.Barrier(len(functions))

    def call_together(function: Callable[[], T]) -> T:
        barrier.wait(DEFAULT_TIMEOUT)
        return function()

    calls = [run_in_background(lambda function=function: call_together(function)) for function in functions]
    return [call.result() for call in calls]

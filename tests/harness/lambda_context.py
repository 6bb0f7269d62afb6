"""Lambda's context, as far as deadlines know it."""

import time

__all__ = ["LambdaContext"]


class LambdaContext:
    """The context of an invocation whose function is killed in so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return int((self._ends_at - time.monotonic()) * 1000)

"""One request to the MCP server: who sends it, and where what is said before its result goes."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ..http.common import GatewayEvent
from .messages import JsonObject, build_notification
from .revisions import Request

__all__ = ["Emit", "Exchange"]

Emit = Callable[[JsonObject | None], Awaitable[None]]
"""Sends a notification, or, for None, a sign of life. Raises OSError if the client is gone."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with its caller.

    Attributes:
        request: the request.
        event: the gateway's event.
        context: Lambda's context.
        user_id: the caller.
        permissions: what the caller may do.
        emit: sends what comes before the result.
        wait_until: when to answer at the latest, in seconds of time.monotonic.
    """

    request: Request
    event: GatewayEvent
    context: Any
    user_id: str
    permissions: tuple[str, ...]
    emit: Emit = field(repr=False)
    wait_until: float

    async def report_progress(self, progress: float, message: str) -> None:
        """Notify the client, if it wants that, how far the request is.

        Args:
            progress: higher each time.
            message: for people.
        """
        token = self.request.progress_token
        if token is not None:
            params: JsonObject = {"progressToken": token, "progress": progress, "message": message}
            await self.emit(build_notification("notifications/progress", params))

    def seconds_left(self) -> float:
        """Return for how many seconds it may still be waited; 0 if not any more."""
        return max(self.wait_until - time.monotonic(), 0.0)

"""Responses of a mock transport as the network gives them: not read yet."""

from collections.abc import Callable

import httpx

__all__ = ["mock_transport", "unread"]


def unread(response: httpx.Response) -> httpx.Response:
    """Return the same response with a body that its receiver has to read; httpx reads one of bytes itself."""
    return httpx.Response(response.status_code, headers=response.headers, content=iter([response.content]))


def mock_transport(respond: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """Return a transport whose responses are unread."""
    return httpx.MockTransport(lambda request: unread(respond(request)))

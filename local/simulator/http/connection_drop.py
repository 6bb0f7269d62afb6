"""Dropping a client's connection for real: the client sees a disconnect, never a 500."""

import asyncio
from typing import ClassVar, cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

Address = tuple[str, int]
Endpoints = tuple[Address, Address]
"""Who is at either end: the peer, and ourselves (one process may run several simulators)."""


class TrackingProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, which remembers the transport of every open connection by its peer.

    ASGI offers no way to close a connection without an answer, and this needs nothing of uvicorn but its callbacks.
    """

    open_transports: ClassVar[dict[Endpoints, asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        if self.client is not None and self.server is not None:
            self.open_transports[self.client, cast(Address, self.server)] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client is not None and self.server is not None:
            self.open_transports.pop((self.client, cast(Address, self.server)), None)
        super().connection_lost(exc)


def drop_connection(scope: Scope) -> None:
    """Reset the connection that a request came by."""
    endpoints = cast(Endpoints, (tuple(scope["client"]), tuple(scope["server"])))
    transport = TrackingProtocol.open_transports.get(endpoints)
    if transport is not None:
        transport.abort()


class ConnectionDrop(Response):
    """A response that is none: it resets the connection that the request came by."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        drop_connection(scope)
        # uvicorn answers 500 for an app that ends without a response, unless it has already seen the disconnect.
        while (await receive())["type"] != "http.disconnect":
            pass

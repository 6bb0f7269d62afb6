"""Resets of a client's TCP connection: the client sees a disconnect and never a 500."""

import asyncio
from typing import ClassVar, cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

Address = tuple[str, int]
Endpoints = tuple[Address, Address]
"""Client and server address of a connection; both, because one process may run several simulators."""


class TrackingProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol with a registry of the transports of all open connections.

    ASGI cannot close a connection without a response. The registry uses only uvicorn's protocol callbacks.
    """

    open_transports: ClassVar[dict[Endpoints, asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Register the transport under the connection's two addresses."""
        super().connection_made(transport)
        if self.client is not None and self.server is not None:
            self.open_transports[self.client, cast(Address, self.server)] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the transport from the registry."""
        if self.client is not None and self.server is not None:
            self.open_transports.pop((self.client, cast(Address, self.server)), None)
        super().connection_lost(exc)


def find_transport(scope: Scope) -> asyncio.Transport | None:
    """Return the transport of a request's connection, None if it is closed."""
    endpoints = cast(Endpoints, (tuple(scope["client"]), tuple(scope["server"])))
    return TrackingProtocol.open_transports.get(endpoints)


def drop_connection(scope: Scope) -> None:
    """Reset the TCP connection of a request; no effect if it is already closed."""
    transport = find_transport(scope)
    if transport is not None:
        transport.abort()


class ConnectionDrop(Response):
    """A response that sends nothing and resets the connection of its request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Reset the connection and wait until uvicorn reports the disconnect."""
        drop_connection(scope)
        # uvicorn sends a 500 when an app returns without a response before uvicorn has seen the disconnect.
        while (await receive())["type"] != "http.disconnect":
            pass

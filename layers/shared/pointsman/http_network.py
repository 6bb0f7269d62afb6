"""The network below an httpx client: no connection, read or write waits beyond the deadline.

httpx's timeouts are of a single read, so a server that sends one byte a second would be waited for without end, in the
head as in the body. Here each wait lasts at most what `deadlines.seconds_left` returns at its begin.
"""

import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import httpx

from . import deadlines

__all__ = ["DeadlineTransport"]

_WRITE_BYTES = 64 * 1024
"""Bytes that are written at once. A write waits once for each part of them that the peer takes."""


Resolve = Callable[[str, int], list[str]]
"""Takes a host and a port; returns the addresses that may be connected to, or raises."""


def _resolve(host: str, port: int) -> list[str]:
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's transport over sockets that obey the deadline of the thread that uses them.

    A connection is made to an address that `resolve` has returned, and to none else.
    """

    def __init__(self, verify: ssl.SSLContext, keepalive_expiry: float, resolve: Resolve = _resolve) -> None:
        super().__init__(verify=verify, trust_env=False)
        # httpx has no parameter for the backend.
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify,
            max_connections=None,
            keepalive_expiry=keepalive_expiry,
            network_backend=_DeadlineBackend(resolve),
        )


class _DeadlineBackend(httpcore.SyncBackend):
    def __init__(self, resolve: Resolve) -> None:
        super().__init__()
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers; `timeout` is of all of them together."""
        addresses = self._resolve(host, port)
        failure: Exception = httpcore.ConnectError("no address")
        with deadlines.limit(_NO_TIMEOUT if timeout is None else timeout):
            for address in addresses:
                left = _get_wait(timeout, httpcore.ConnectTimeout)
                try:
                    stream = super().connect_tcp(address, port, left, local_address, socket_options)
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    failure = error
                else:
                    return _DeadlineStream(stream)
        raise failure


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _get_wait(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            part = buffer[start : start + _WRITE_BYTES]
            self._stream.write(part, _get_wait(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = _get_wait(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, wait))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


_NO_TIMEOUT = float("inf")


def _get_wait(timeout: float | None, error_type: type[Exception]) -> float | None:
    """Return the seconds that the next wait may take, None for any; raise the error if there are none."""
    wait = min(deadlines.seconds_left(), _NO_TIMEOUT if timeout is None else timeout)
    if wait <= 0:
        raise error_type("the time is over")
    return None if wait == _NO_TIMEOUT else wait

"""A transport of httpx whose waits are short: between two of them a callback may end the call.

A timeout of httpx is for one read or write, so an answer that drips is never over, and while one is waited for, nothing
else can be noticed. Here a wait is cut into slices, and the callback is called before each. What it raises closes the
connection and reaches the caller, during the head of a response as well as in its body.
"""

import ssl
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpcore
import httpx

from ...http_transport import MAX_IDLE_SECONDS

__all__ = ["WatchedTransport"]

_SLICE_SECONDS = 0.5

T = TypeVar("T")


class WatchedTransport(httpx.HTTPTransport):
    """The transport of a client.

    Args:
        watch: called before each wait for the network, at least every half a second; may raise.
        tls_context: for https.
    """

    def __init__(self, watch: Callable[[], None], tls_context: ssl.SSLContext) -> None:
        super().__init__(verify=tls_context, trust_env=False)
        # httpx has no argument for the backend of its pool.
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context, keepalive_expiry=MAX_IDLE_SECONDS, network_backend=_WatchedBackend(watch)
        )


class _WatchedBackend(httpcore.SyncBackend):
    def __init__(self, watch: Callable[[], None]) -> None:
        self._watch = watch

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._watch()
        return _WatchedStream(super().connect_tcp(host, port, timeout, local_address, socket_options), self._watch)


class _WatchedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, watch: Callable[[], None]) -> None:
        self._stream = stream
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._wait(lambda seconds: self._stream.read(max_bytes, seconds), httpcore.ReadTimeout, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        while buffer:
            rest = buffer
            sent = self._wait(lambda seconds, rest=rest: self._send(rest, seconds), httpcore.WriteTimeout, timeout)
            buffer = buffer[sent:]

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _WatchedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _send(self, buffer: bytes, seconds: float) -> int:
        """Send a part of the buffer. The stream's own `write` does not say how much it has sent when it times out."""
        socket = self._stream.get_extra_info("socket")
        try:
            socket.settimeout(seconds)
            return socket.send(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def _wait(self, act: Callable[[float], T], timed_out: type[Exception], timeout: float | None) -> T:
        seconds_left = float("inf") if timeout is None else timeout
        while True:
            self._watch()
            try:
                return act(min(_SLICE_SECONDS, seconds_left))
            except timed_out:
                seconds_left -= _SLICE_SECONDS
                if seconds_left <= 0:
                    raise

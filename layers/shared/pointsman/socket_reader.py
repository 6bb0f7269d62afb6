"""A reader of a socket that ends at a time, where a socket's own timeout is of a single read."""

import time
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socket import socket

__all__ = ["SocketReader", "open_reader"]


class SocketReader(RawIOBase):
    """Reads from a connected socket until `ends_at`, a time of `time.monotonic()`; then it raises TimeoutError."""

    def __init__(self, connected_socket: "socket", ends_at: float) -> None:
        self._socket = connected_socket
        self._raw = connected_socket.makefile("rb", buffering=0)
        self.ends_at = ends_at

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read what is there, or wait for it."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._raw.readinto(buffer) or 0

    def close(self) -> None:
        """Close the reader, but not the socket."""
        self._raw.close()
        super().close()


def open_reader(connected_socket: "socket", ends_at: float) -> tuple[BufferedReader, SocketReader]:
    """Return a buffered reader of the socket, and the reader below it, whose end may be moved."""
    reader = SocketReader(connected_socket, ends_at)
    return BufferedReader(reader), reader

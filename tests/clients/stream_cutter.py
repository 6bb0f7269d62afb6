"""A proxy on loopback that breaks a connection in the middle of a response."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class StreamCutter:
    """Forwards connections to a server. `cut_after` breaks the next response that holds a text, right after that text.

    Attributes:
        url: the proxy's address.
        cuts: how many responses it has broken.
    """

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname or "", address.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._needle: bytes | None = None
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, text: str) -> None:
        """Break the next response that holds this text."""
        self._needle = text.encode()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._upstream)
        threading.Thread(target=self._forward_requests, args=(client, server), daemon=True).start()
        with client, server, suppress(OSError):
            received = b""
            while data := server.recv(65536):
                received += data
                needle = self._needle
                if needle is not None and needle in received:
                    self._needle = None
                    end = received.index(needle) + len(needle) - (len(received) - len(data))
                    client.sendall(data[:end])
                    self.cuts += 1
                    # Closing alone would wait for the thread that reads the requests.
                    client.shutdown(socket.SHUT_RDWR)
                    server.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)


@contextmanager
def start_stream_cutter(upstream: str) -> Iterator[StreamCutter]:
    """Run the proxy in front of the server at `upstream`."""
    cutter = StreamCutter(upstream)
    try:
        yield cutter
    finally:
        cutter.close()

"""A loopback proxy that cuts connections: in mid-stream, or before the client gets anything of an answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Cut:
    """What is cut.

    Args:
        request: what the connection's request must contain, such as `POST /create-instance`.
        marker: what the answer must contain; the client gets all before it, and half of it.
        times: how often.
    """

    request: bytes
    marker: bytes = b"HTTP/1.1"
    times: int = 1


@dataclass
class CuttingProxy:
    """Forwards connections to an address.

    Attributes:
        url: where it listens.
        requests: the first line of each request that was forwarded.
        headers: all that was sent with it, in the same order.
        cut_count: how many connections were cut.
    """

    upstream: tuple[str, int]
    listener: socket.socket
    cuts: list[Cut] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    cut_count: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def cut(self, request: str, marker: str = "HTTP/1.1", times: int = 1) -> None:
        """Cut the next connections with such a request and such an answer."""
        self.cuts.append(Cut(request.encode(), marker.encode(), times))

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        sent = bytearray()
        with client, socket.create_connection(self.upstream) as server, suppress(OSError):
            threading.Thread(target=self._forward_request, args=(client, server, sent), daemon=True).start()
            received = bytearray()
            while data := server.recv(65536):
                received += data
                cut = self._find_cut(bytes(sent), received)
                if cut is None:
                    client.sendall(data)
                    continue
                end = received.index(cut.marker) + len(cut.marker) // 2 if cut.marker != b"HTTP/1.1" else 0
                client.sendall(data[: max(0, end - (len(received) - len(data)))])
                cut.times -= 1
                self.cut_count += 1
                # With both sockets the thread that reads the request ends, too.
                client.shutdown(socket.SHUT_RDWR)
                server.shutdown(socket.SHUT_RDWR)
                return
            client.shutdown(socket.SHUT_WR)

    def _forward_request(self, client: socket.socket, server: socket.socket, sent: bytearray) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if b" HTTP/1.1\r\n" in data:
                    sent[:] = data
                    head = data.partition(b"\r\n\r\n")[0].decode("latin-1")
                    self.requests.append(head.partition(" HTTP/1.1")[0])
                    self.headers.append(head)
                server.sendall(data)

    def _find_cut(self, sent: bytes, received: bytearray) -> Cut | None:
        return next((cut for cut in self.cuts if cut.times and cut.request in sent and cut.marker in received), None)


@contextmanager
def start_cutting_proxy(url: str) -> Iterator[CuttingProxy]:
    """Forward to the server at `url`."""
    address = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = CuttingProxy((address.hostname or "", address.port or 80), listener)
        threading.Thread(target=proxy.serve, daemon=True).start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)

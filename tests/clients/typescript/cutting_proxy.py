"""A proxy on loopback whose connections break where a test says: in the middle of a stream, or before an answer."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

__all__ = ["CuttingProxy", "run_proxy"]


class CuttingProxy:
    """Passes on what client and server send, until a pattern passes.

    Attributes:
        url: its address.
        cuts: parts of answers, in order: a connection breaks right after it has passed on the first of them.
        lost_answers: parts of requests: the answer to the next request with one is dropped, and its connection breaks.
        requests: the first lines of all requests.
    """

    def __init__(self, port: int, server_url: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.cuts: list[bytes] = []
        self.lost_answers: list[bytes] = []
        self.requests: list[str] = []
        self._server = urlsplit(server_url)
        self._lock = threading.Lock()

    def serve(self, client: socket.socket) -> None:
        """Pass on one connection of a client, until either side ends it."""
        assert self._server.hostname is not None
        with client, socket.create_connection((self._server.hostname, self._server.port or 80)) as server:
            is_answer_lost = threading.Event()
            sending = threading.Thread(target=self._pass_requests, args=(client, server, is_answer_lost), daemon=True)
            sending.start()
            with suppress(OSError):
                self._pass_answers(server, client, is_answer_lost)
            # To close it would not be enough while the other thread reads from it.
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _pass_requests(self, client: socket.socket, server: socket.socket, is_answer_lost: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                with self._lock:
                    lines = data.split(b"\r\n")
                    self.requests += [line.decode() for line in lines if line.endswith(b" HTTP/1.1")]
                    lost = next((part for part in self.lost_answers if part in data), None)
                    if lost is not None:
                        self.lost_answers.remove(lost)
                        is_answer_lost.set()
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _pass_answers(self, server: socket.socket, client: socket.socket, is_answer_lost: threading.Event) -> None:
        passed = b""
        while data := server.recv(65536):
            if is_answer_lost.is_set():
                return
            with self._lock:
                end = (passed + data).find(self.cuts[0]) if self.cuts else -1
                if end >= 0:
                    end += len(self.cuts.pop(0)) - len(passed)
            if end >= 0:
                client.sendall(data[:end])
                return
            passed += data
            client.sendall(data)


@contextmanager
def run_proxy(server_url: str) -> Generator[CuttingProxy]:
    """Run a proxy in front of the server at a loopback address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = CuttingProxy(listener.getsockname()[1], server_url)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)

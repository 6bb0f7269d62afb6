"""A server on loopback that answers one request after the other as a test says, and keeps what it was sent."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = bytes | Callable[[socket.socket], None]
"""What is sent before the connection is closed, or what sends it."""


def build_answer(status: int, body: str = "{}", *headers: str, media_type: str = "application/json") -> bytes:
    """A whole response."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Type: {media_type}", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "Connection: close", *headers, "", body]).encode()


def build_stream(*parts: str) -> bytes:
    """A response with server-sent events that ends with its connection."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return (head + "".join(parts)).encode()


@dataclass
class ScriptedServer:
    """A running server.

    Attributes:
        url: where it listens.
        requests: the heads of the requests so far.
    """

    url: str
    requests: list[str] = field(default_factory=list)

    def list_header(self, name: str) -> list[str | None]:
        """The values of a header, of one request after the other; None where it is missing."""
        prefix = f"{name.lower()}: "
        return [
            next((line[len(prefix) :] for line in head.split("\r\n") if line.lower().startswith(prefix)), None)
            for head in self.requests
        ]


@contextmanager
def serve_script(*answers: Answer) -> Iterator[ScriptedServer]:
    """Serve the answers, one for each connection; the last one is for all that follow."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        server = ScriptedServer(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError), connection.makefile("rb") as reader:
                lines = [*iter(lambda: reader.readline().decode("latin-1").strip(), "")]
                lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-length:")]
                reader.read(int(lengths[0]) if lengths else 0)
                server.requests.append("\r\n".join(lines))
                answer = answers[min(len(server.requests), len(answers)) - 1]
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                else:
                    answer(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)

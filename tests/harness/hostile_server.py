"""A server on loopback that answers every request as a hostile or broken one would: slowly, without end, inflated."""

import socket
import threading
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

__all__ = [
    "DRIPS", "Answer", "drip_body", "drip_head", "endless_body", "endless_head", "gzip_bomb", "send_body",
    "serve_hostile",
]  # fmt: skip

Answer = Callable[[socket.socket], None]
"""Answers one request on its connection, which is closed afterwards; it ends by an OSError when the client has gone."""

_JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_DRIP_SECONDS = 0.02
_MAX_DRIPS = 3000


def _drip(connection: socket.socket, piece: bytes) -> None:
    stopped = threading.Event()
    for _ in range(_MAX_DRIPS):
        connection.sendall(piece)
        stopped.wait(_DRIP_SECONDS)


def drip_head(connection: socket.socket) -> None:
    """Send a head that never ends, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    _drip(connection, b"x")


def drip_body(connection: socket.socket) -> None:
    """Send a body a byte at a time; it would be valid JSON at its end."""
    connection.sendall(_JSON_HEAD + b"Content-Length: 1000000\r\n\r\n")
    _drip(connection, b" ")


def endless_head(connection: socket.socket) -> None:
    """Send headers without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def endless_body(connection: socket.socket) -> None:
    """Send a body without end, as fast as the client reads."""
    connection.sendall(_JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    while True:
        connection.sendall(chunk)


def send_body(body: bytes, *headers: bytes, times: int = 1) -> Answer:
    """Return an answer with this body, so many times in a row."""

    def answer(connection: socket.socket) -> None:
        lines = b"".join(header + b"\r\n" for header in headers)
        connection.sendall(_JSON_HEAD + lines + b"Content-Length: %d\r\n\r\n" % (len(body) * times))
        for _ in range(times):
            connection.sendall(body)

    return answer


def gzip_bomb(megabytes: int) -> Answer:
    """Return an answer whose body is so large once it is decompressed, and a thousandth of that on the network."""
    compressor = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    body = b"".join(compressor.compress(b" " * 1024 * 1024) for _ in range(megabytes)) + compressor.flush()
    return send_body(body, b"Content-Encoding: gzip")


DRIPS: dict[str, Answer] = {"head": drip_head, "body": drip_body}


@contextmanager
def serve_hostile(answer: Answer) -> Generator[str]:
    """Answer every request on loopback so; yields the address."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                if _read_request(connection):
                    answer(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _read_request(connection: socket.socket) -> bool:
    """Read one request to its end; False if there is none."""
    with connection.makefile("rb") as reader:
        length, line = 0, reader.readline()
        if not line:
            return False
        while (line := reader.readline().strip()) and line:
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        reader.read(length)
    return True

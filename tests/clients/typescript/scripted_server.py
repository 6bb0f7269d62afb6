"""A server that gives scripted answers, as gateways, proxies and broken servers would; it keeps the requests."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["ScriptedAnswer", "ScriptedServer", "run_scripted_server"]


@dataclass(frozen=True)
class ScriptedAnswer:
    """An answer; without a status the connection closes instead. With `stays_open` it stays open afterwards."""

    status: int | None = 200
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    stays_open: bool = False


@dataclass(frozen=True)
class ReceivedRequest:
    """A request; the names of its headers are in lower case."""

    line: str
    headers: dict[str, str]


class ScriptedServer:
    """Answers requests in order; the last answer repeats.

    Attributes:
        url: its address.
        requests: what it has received.
    """

    def __init__(self, url: str, answers: list[ScriptedAnswer]) -> None:
        self.url = url
        self.requests: list[ReceivedRequest] = []
        self._answers = answers
        self._stopped = threading.Event()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append(ReceivedRequest(f"{handler.command} {handler.path}", headers))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        handler.close_connection = True
        if answer.status is not None:
            handler.send_response(answer.status)
            for name, value in {"Connection": "close", **answer.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(answer.body.encode())
        if answer.stays_open:
            self._stopped.wait()

    def stop(self) -> None:
        """End all connections."""
        self._stopped.set()


@contextmanager
def run_scripted_server(*answers: ScriptedAnswer) -> Generator[ScriptedServer]:
    """Run a server on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self) -> None:
            scripted.answer(self)

        do_GET = do_POST = do_DELETE = handle_request

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        scripted = ScriptedServer(f"http://127.0.0.1:{server.server_port}", list(answers))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield scripted
        scripted.stop()
        server.shutdown()

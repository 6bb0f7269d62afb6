"""A receiver of webhooks on loopback, which keeps what it gets and answers as it is told to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Message:
    """A request that the receiver got; names of headers are lowercase."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Args:
    url: where it listens.
    answer: returns the status and the headers of the response to a message; it may wait.
    """

    url: str = ""
    answer: Callable[[Message], tuple[int, dict[str, str]]] = lambda _message: (204, {})
    messages: list[Message] = field(default_factory=list[Message])

    @property
    def types(self) -> list[str]:
        return [message.content["type"] for message in self.messages]


@contextmanager
def run_receiver(answer: Callable[[Message], tuple[int, dict[str, str]]] | None = None) -> Iterator[Receiver]:
    receiver = Receiver() if answer is None else Receiver(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = Message({name.lower(): value for name, value in self.headers.items()}, body)
            receiver.messages.append(message)
            status, headers = receiver.answer(message)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_line: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()

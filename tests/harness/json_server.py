"""A provider of a few lines, for responses that the simulator never gives."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def serve_json(respond: Callable[[Any], tuple[int, object]]) -> Iterator[str]:
    """Serve POSTs of JSON on loopback; yields the address.

    Args:
        respond: maps a request's parsed body to a status and the response's body.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, response = respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(response).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_line: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()

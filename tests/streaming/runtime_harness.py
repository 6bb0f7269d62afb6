"""A Runtime API over sockets that records what the runtime sends, and the wrapper process that uses it."""

import base64
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).with_name("apps")
WRAPPER = ROOT / "layers/shared/stream-wrapper"
PRELUDE_END = b"\0" * 8
WAIT_SECONDS = 15.0


@dataclass
class RuntimePost:
    """A POST of the runtime, filled as it arrives. `chunks` ends with None, also if the connection breaks."""

    path: str
    headers: dict[str, str]
    connection: socket.socket
    chunks: "queue.Queue[bytes | None]" = field(default_factory=queue.Queue)
    trailers: dict[str, str] = field(default_factory=dict)
    complete: bool = False

    @property
    def kind(self) -> str:
        return self.path.rpartition("/")[2]

    def next_chunk(self) -> bytes | None:
        return self.chunks.get(timeout=WAIT_SECONDS)

    def read_prelude(self) -> dict[str, Any]:
        text = self.next_chunk()
        assert text is not None
        assert text.endswith(PRELUDE_END)
        return json.loads(text.removesuffix(PRELUDE_END))

    def read_remaining_chunks(self) -> list[bytes]:
        """Return the chunks up to the end."""
        return list(iter(self.next_chunk, None))

    def read_json(self) -> Any:
        return json.loads(b"".join(self.read_remaining_chunks()))

    def read_trailer_error(self) -> dict[str, Any]:
        """Return the error object in the trailers, once the body has ended."""
        return json.loads(base64.b64decode(self.trailers["lambda-runtime-function-error-body"]))

    def break_connection(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.shutdown(socket.SHUT_RDWR)


class RuntimeHarness:
    """The wrapper running an app against a Runtime API, with only the environment variables that Lambda sets."""

    def __init__(self, handler: str, **environment: str) -> None:
        self.pending_events: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        self.next_requests = threading.Semaphore(0)
        self.posts: queue.Queue[RuntimePost] = queue.Queue()
        self.response_status = 202
        self.is_reading = threading.Event()
        """Cleared, it lets further chunks of responses wait."""
        self.is_reading.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        self.process = subprocess.Popen(
            [str(WRAPPER), sys.executable, "-m", "awslambdaric", handler],
            env={
                "PATH": os.defpath,
                "LAMBDA_TASK_ROOT": str(APPS),
                "_HANDLER": handler,
                "AWS_LAMBDA_RUNTIME_API": self.address,
                "AWS_LAMBDA_FUNCTION_NAME": "Stream",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                **environment,
            },
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> "RuntimeHarness":
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self._listener.close()

    def invoke(self, event: object, seconds: float = 30.0, **headers: str) -> str:
        """Send an event when the runtime requests one; return the request id. The deadline is in `seconds`."""
        assert self.next_requests.acquire(timeout=WAIT_SECONDS)
        request_id = str(uuid.uuid4())
        invocation_headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:Stream",
            "Lambda-Runtime-Trace-Id": "Root=1-0-0",
            **headers,
        }
        self.pending_events.put((invocation_headers, json.dumps(event).encode()))
        return request_id

    def next_post(self) -> RuntimePost:
        """Wait for the next POST of the runtime."""
        return self.posts.get(timeout=WAIT_SECONDS)

    def call(self, event: object, seconds: float = 30.0) -> RuntimePost:
        self.invoke(event, seconds)
        return self.next_post()

    def wait_for_exit(self) -> tuple[int, str]:
        """Wait for the exit; return the exit code and the log."""
        output, _ = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, output

    def stop_and_read_output(self) -> str:
        """Stop the runtime by SIGTERM and return its log."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_for_exit()[1]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as incoming:
            try:
                method, path, _ = incoming.readline().decode().split()
                headers = _read_headers(incoming)
                if method == "GET":
                    self.next_requests.release()
                    self._send_event(connection)
                else:
                    self._receive_post(RuntimePost(path, headers, connection), incoming)
            except (OSError, ValueError):
                return

    def _send_event(self, connection: socket.socket) -> None:
        headers, event = self.pending_events.get()
        lines = [f"{name}: {value}" for name, value in {**headers, "Content-Type": "application/json"}.items()]
        # Chunked, as the real Runtime API sends events of any size.
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(event), event)
        lines.append("Transfer-Encoding: chunked")
        connection.sendall(("\r\n".join(["HTTP/1.1 200 OK", *lines]) + "\r\n\r\n").encode() + body)

    def _receive_post(self, post: RuntimePost, incoming: BinaryIO) -> None:
        self.posts.put(post)
        try:
            if "content-length" in post.headers:
                post.chunks.put(incoming.read(int(post.headers["content-length"])))
            else:
                while self.is_reading.wait() and (size := int(incoming.readline(), 16)):
                    post.chunks.put(incoming.read(size))
                    incoming.read(2)
                post.trailers = _read_headers(incoming)
            post.complete = True
            body = b'{"status":"OK"}'
            post.connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 15\r\n\r\n%b" % (self.response_status, body))
        finally:
            post.chunks.put(None)


def _read_headers(incoming: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := incoming.readline().strip().decode():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return headers


def make_rest_event(method: str = "GET", path: str = "/api/stream", **changes: Any) -> dict[str, Any]:
    """Make the event of a REST API request, payload 1.0."""
    return {
        "resource": "/api/stream",
        "path": path,
        "httpMethod": method,
        "headers": {"Host": "api.example.org", "X-Two": "2"},
        "multiValueHeaders": {"Host": ["api.example.org"], "X-Two": ["1", "2"], "X-Forwarded-Proto": ["https"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "stage": "live", "protocol": "HTTP/1.1", "identity": {"sourceIp": "192.0.2.1"},
            "authorizer": {"user": "u1", "principalId": "u1"},
        },
        "body": None,
        "isBase64Encoded": False,
        **changes,
    }  # fmt: skip


def make_url_event(method: str = "GET", path: str = "/api/stream", **changes: Any) -> dict[str, Any]:
    """Make the event of a function URL request, payload 2.0."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "url.example.org", "x-forwarded-proto": "https", "x-forwarded-port": "443"},
        "requestContext": {"http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
        **changes,
    }

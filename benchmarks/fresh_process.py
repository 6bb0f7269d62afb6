"""A function's fresh process under the real runtime client, as Lambda starts one: its CPU time to the response."""

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.bench_stack import BARE_MODULE, ROOT


class _FakeRuntimeApi(ThreadingHTTPServer):
    """A Runtime API that gives one invocation and records its response."""

    daemon_threads = True

    def __init__(self, event: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event: bytes | None = event
        self.response: tuple[str, bytes] | None = None
        self.response_received = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore the error: the process is killed after its response, during its next request."""


class _Handler(BaseHTTPRequestHandler):
    server: _FakeRuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        event, self.server.event = self.server.event, None
        if event is None:
            self.server.response_received.wait()
            threading.Event().wait(3600)
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "00000000-0000-4000-8000-000000000000",
            "Lambda-Runtime-Deadline-Ms": "99999999999999",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
        }
        self._respond(200, event, headers)

    def do_POST(self) -> None:
        body = b"" if "Content-Length" in self.headers else self._read_prelude()
        self.server.response = (self.path, body or self.rfile.read(int(self.headers["Content-Length"])))
        self.server.response_received.set()
        self._respond(202, b"{}", {})

    def _read_prelude(self) -> bytes:
        """Return the prelude of a streamed response, without the NUL bytes and the body that follow."""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body.partition(b"\0" * 8)[0]

    def _respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_line: Any) -> None:
        return


def measure_cold_start(
    python: str, handler: str, code: Path, environment: dict[str, str], event: object
) -> tuple[float, Any]:
    """Return the CPU seconds of a fresh process up to its response, and the response."""
    api = _FakeRuntimeApi(json.dumps(event).encode())
    threading.Thread(target=api.serve_forever, daemon=True).start()
    environment = {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}", "_HANDLER": handler}
    command = [*build_wrapper_command(environment), python, "-m", "awslambdaric", handler]
    process = subprocess.Popen(
        command, cwd=code, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        if not api.response_received.wait(60):
            raise SystemExit(f"{handler} gave no answer")
    finally:
        process.kill()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        if process.stderr is not None:
            process.stderr.close()
        api.shutdown()
        api.server_close()
    assert api.response is not None
    path, body = api.response
    if not path.endswith("/response"):
        raise SystemExit(f"{handler} failed: {body.decode()[:500]}")
    return usage.ru_utime + usage.ru_stime, json.loads(body)


def build_wrapper_command(environment: dict[str, str]) -> list[str]:
    """Return the exec wrapper of a function that streams, which Lambda starts in place of the runtime client."""
    name = environment.get("AWS_LAMBDA_EXEC_WRAPPER", "")
    return [name.replace("/opt/python", str(ROOT / "layers/shared"))] if name else []


@contextmanager
def bare_handler() -> Iterator[tuple[Path, dict[str, str]]]:
    """Provide the code folder and the environment variables of a handler that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder)
        (code / "bare.py").write_text(BARE_MODULE)
        yield code, {"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": folder, "AWS_LAMBDA_FUNCTION_NAME": "bare"}

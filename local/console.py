"""Console output: one line for each request, each component that has started, and each warning."""

import sys
import threading
from datetime import datetime
from typing import TextIO


class Console:
    """Prints lines for the person who runs the stack; safe to call from any thread.

    Callers never pass a header, a body or a query, which may hold secrets.

    Args:
        stream: Where lines go; standard output by default.
        quiet: Whether to print warnings only.
        log_requests: Whether to print a line for each request.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False, log_requests: bool = True) -> None:
        self._stream = stream
        self._log_requests = log_requests
        self._quiet = quiet
        self._lock = threading.Lock()

    def info(self, text: str) -> None:
        """Print a line, unless quiet."""
        if not self._quiet:
            self._write(text)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._write(f"{datetime.now():%H:%M:%S}  ! {to_printable_line(text)}")

    def report_component(self, name: str, seconds: float) -> None:
        """Print that a component has started, and how many seconds that took."""
        self.info(f"  {name:<18} {seconds:5.1f} s")

    def log_request(self, method: str, path: str, status: int, seconds: float, function: str, request_id: str) -> None:
        """Print a line for a request, with its path without the query and the seconds until its response."""
        if not self._log_requests:
            return
        line = f"{datetime.now():%H:%M:%S}  {method:<6} {path}  {status}  {seconds:.3f} s  {function}  {request_id}"
        self.info(to_printable_line(line))

    def _write(self, text: str) -> None:
        stream = self._stream or sys.stdout
        with self._lock:
            try:
                stream.write(text + "\n")
                stream.flush()
            except (OSError, ValueError):
                # The terminal or the pipe was closed; the stack runs on.
                return


def to_printable_line(text: str) -> str:
    """Replace line breaks and control characters, which a terminal would interpret, by spaces."""
    return "".join(char if char.isprintable() else " " for char in text)

"""What the person sees: one line a request, one a part that starts, one a thing that went wrong."""

import sys
import threading
from datetime import datetime
from typing import TextIO


class Console:
    """Writes lines; `quiet` keeps only warnings, without `requests` there is no line for each request.

    Lines from other threads do not mix. Never given a header, a body or a query.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False, log_requests: bool = True) -> None:
        self._stream = stream
        self._log_requests = log_requests
        self._quiet = quiet
        self._lock = threading.Lock()

    def info(self, text: str) -> None:
        """Something that the person wants to know."""
        if not self._quiet:
            self._write(text)

    def warn(self, text: str) -> None:
        """Something that went wrong."""
        self._write(f"{datetime.now():%H:%M:%S}  ! {to_printable_line(text)}")

    def report_component(self, name: str, seconds: float, note: str = "") -> None:
        """A part of the bundle is up."""
        self.info(f"  {name:<18} {seconds:5.1f} s{'  ' + note if note else ''}")

    def log_request(self, method: str, path: str, status: int, seconds: float, function: str, request_id: str) -> None:
        """One request has been answered."""
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
                # The terminal or the pipe is gone; the work goes on.
                return


def to_printable_line(text: str) -> str:
    """The text on one line, without control characters that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)

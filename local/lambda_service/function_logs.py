"""Output of functions: all of it in a log file per function, warnings and errors also summarized on the console."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from local.processes.supervisor import open_pipe_reader

_REPORTED_LEVELS = {"WARNING", "ERROR", "CRITICAL"}
_TEXT_LOG_LINE = re.compile(r"^\[(WARNING|ERROR|CRITICAL)\]\s*(.*)$")
_TIMESTAMP_AND_REQUEST_ID = re.compile(r"^\d{4}-\d\d-\d\dT\S+\s+(?:[0-9a-f-]{36}\s+)?")
_SUMMARY_LENGTH = 300


class FunctionLog:
    """The output of one worker.

    Args:
        path: Log file of the function, shared by its workers.
        function: Name of the function, for the console.
        report: Prints a warning on the console.
    """

    def __init__(self, path: Path, function: str, report: Callable[[str], None]) -> None:
        self._path = path
        self._function = function
        self._report = report
        self.request_id: str | None = None

    def write_line(self, text: str) -> None:
        """Write a line that the runner itself logs for the function, in place of Lambda."""
        self._write_lines([text])

    async def read_pipe(self, descriptor: int) -> None:
        """Log a worker's output until the pipe is closed; lines over 1 MB are dropped."""
        async with open_pipe_reader(descriptor, 2**20) as reader:
            while True:
                try:
                    line = await reader.readline()
                except ValueError:
                    continue
                if not line:
                    return
                self._handle_line(line.decode("utf-8", "replace").rstrip("\n"))

    def _handle_line(self, line: str) -> None:
        # The runtime client joins the lines of a traceback with carriage returns and pads them with no-break spaces.
        lines = line.replace("\u00a0", " ").split("\r")
        self._write_lines(lines)
        summary = summarize(lines)
        if summary is not None:
            self._report(f"{self._function}: {summary}")

    def _write_lines(self, lines: list[str]) -> None:
        prefix = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + f"Z {self.request_id or '-'} "
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{prefix}{line}\n" for line in lines)


def summarize(lines: list[str]) -> str | None:
    """Summarize a log record in one line for the console; None unless it is a warning or an error.

    Args:
        lines: The lines of one record, a JSON object or the runtime client's text format.
    """
    first = lines[0]
    if first.startswith("{"):
        return _summarize_json(first)
    match = _TEXT_LOG_LINE.match(first)
    # LAMBDA_WARNING marks advice of the runtime client about the deployment package, which no change here would stop.
    if match is None or "LAMBDA_WARNING" in first:
        return None
    text = _TIMESTAMP_AND_REQUEST_ID.sub("", match.group(2))
    return f"{match.group(1)} {text}{_find_traceback_location(lines)}"[:_SUMMARY_LENGTH]


def _summarize_json(line: str) -> str | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    fields = cast("dict[str, Any]", record)
    level = str(fields.get("level", "")).upper()
    if level not in _REPORTED_LEVELS:
        return None
    message = fields.get("message", fields.get("errorMessage", ""))
    reason = fields.get("exception_name") or fields.get("errorType") or ""
    return f"{level} {message}{f' ({reason})' if reason else ''}"[:_SUMMARY_LENGTH]


def _find_traceback_location(lines: list[str]) -> str:
    files = [line.strip() for line in lines if line.strip().startswith("File ")]
    return f" ({files[-1]})" if files else ""

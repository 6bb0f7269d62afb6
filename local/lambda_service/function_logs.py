"""What functions print: all of it in a file each, warnings and errors in short form on the console too."""

import asyncio
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

_REPORTED_LEVELS = {"WARNING", "ERROR", "CRITICAL"}
_TEXT_LOG_LINE = re.compile(r"^\[(WARNING|ERROR|CRITICAL)\]\s*(.*)$")
_TIMESTAMP_AND_REQUEST_ID = re.compile(r"^\d{4}-\d\d-\d\dT\S+\s+(?:[0-9a-f-]{36}\s+)?")
_SUMMARY_LENGTH = 300


class FunctionLog:
    """The output of one worker.

    Args:
        path: the function's log file, shared by its workers.
        function: its name, for the console.
        report: shows a short line to the person.
    """

    def __init__(self, path: Path, function: str, report: Callable[[str], None]) -> None:
        self._path = path
        self._function = function
        self._report = report
        self.request_id: str | None = None

    def write_line(self, text: str) -> None:
        """Write a line of Lambda's own."""
        self._write_lines([text])

    async def read_pipe(self, descriptor: int) -> None:
        """Read a pipe to its end, line by line."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=2**20)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
        )
        try:
            while True:
                try:
                    line = await reader.readline()
                except ValueError:
                    continue
                if not line:
                    return
                self._handle_line(line.decode("utf-8", "replace").rstrip("\n"))
        finally:
            transport.close()

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
    """One line for the console if these are a warning or an error, else None."""
    first = lines[0]
    if first.startswith("{"):
        return _summarize_json(first)
    match = _TEXT_LOG_LINE.match(first)
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

"""What functions of the stack log, and runs of scheduled ones with their results."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.lambda_service.invocation import InvocationResult
from local.stack.stack import Stack

from .wait import wait_until

_FINAL_MESSAGES = ("run done", "run failed", "run failed unexpectedly")


@dataclass(frozen=True)
class ScheduledRun:
    """One run: its invocation's result, and the JSON lines that it logged."""

    result: InvocationResult
    log_lines: list[dict[str, Any]]

    @property
    def counts(self) -> dict[str, int]:
        assert self.result.error is None, self.result.payload
        return json.loads(self.result.payload)

    @property
    def warnings(self) -> list[dict[str, Any]]:
        return [line for line in self.log_lines if line.get("level") == "WARNING"]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [line for line in self.log_lines if "_aws" in line]

    def metric_value(self, name: str) -> float:
        return next(line[name] for line in self.metrics if name in line)


class FunctionLogReader:
    """Reads the JSON lines that a function of the stack writes from now on."""

    def __init__(self, stack: Stack, function: str) -> None:
        self._path = Path(stack.settings.data) / "logs" / f"{function}.log"
        self._size_before = self._path.stat().st_size if self._path.exists() else 0

    def read_lines(self) -> list[dict[str, Any]]:
        """All new JSON lines."""
        text = self._path.read_bytes()[self._size_before :].decode() if self._path.exists() else ""
        # Each line is a timestamp, a request id, and what the function printed.
        parts = [line.split(" ", 2)[2] for line in text.splitlines() if line.count(" ") >= 2]
        return [json.loads(part) for part in parts if part.startswith("{")]


def run_schedule(stack: Stack, function: str) -> ScheduledRun:
    """Fire a function's schedule, and wait for the last line of the run's log."""
    reader = FunctionLogReader(stack, function)
    result = stack.fire_schedule(function)

    def read_whole_log() -> list[dict[str, Any]] | None:
        lines = reader.read_lines()
        return lines if any(line.get("message") in _FINAL_MESSAGES for line in lines) else None

    return ScheduledRun(result, wait_until(read_whole_log))

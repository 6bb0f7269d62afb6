"""`python -m local` as a process of its own: one that a test may signal or kill, or a second one beside the stack."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from local.settings import PROVIDERS

from .clients import send_request
from .paths import CHECKOUT, PYTHONPATH
from .stack import stack_environment
from .wait import wait_until


def start_command(command: str, root: Path, *arguments: str, **changes: str | None) -> "subprocess.Popen[str]":
    """Start `python -m local <command>` on a root folder, with no provider configured; its output is piped.

    Args:
        command: such as "migrate".
        root: see `harness.checkout`.
        *arguments: of the command.
        **changes: changes of `stack_environment`.
    """
    return subprocess.Popen(
        _build_command(command, root, *arguments),
        env=stack_environment("unconfigured", PYTHONPATH=PYTHONPATH, **changes),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _build_command(command: str, root: Path, *arguments: str) -> list[str]:
    assert root.resolve() != CHECKOUT, "its `.env` is a developer's: link_checkout() makes a root without one"
    return [sys.executable, "-m", "local", command, "--root", str(root), *arguments]


class RunnerProcess:
    """`python -m local run`, or another command that runs a stack, on a root folder, and all that it printed.

    Args:
        root: see `harness.checkout`; its data folder is `.pointsman` there.
        *arguments: of the command.
        command: the command.
        **changes: changes of `stack_environment`, in which no provider is configured.
    """

    def __init__(self, root: Path, *arguments: str, command: str = "run", **changes: str | None) -> None:
        self.lines: list[str] = []
        self.root = root
        environment = {"PYTHONPATH": PYTHONPATH, **changes, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            _build_command(command, root, *arguments),
            env=stack_environment("unconfigured", **environment),
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_output)
        self._reader.start()

    @classmethod
    def with_simulated_providers(
        cls, root: Path, *arguments: str, command: str = "run", **changes: str | None
    ) -> "RunnerProcess":
        """Start one in which every provider is simulated, but for those that have a key among the changes."""
        simulated: dict[str, str | None] = dict.fromkeys(provider.key_setting for provider in PROVIDERS)
        return cls(root, *arguments, command=command, **{**simulated, **changes})

    def __enter__(self) -> "RunnerProcess":
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.wait()

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))

    def wait(self) -> int:
        """Wait for its end; returns its exit code once all that it printed is read."""
        code = self.process.wait(30)
        self._reader.join()
        return code

    def wait_for_line(self, part: str, start: int = 0) -> str:
        """Wait for a line that contains `part`; returns the first such line from index `start` on."""

        def find_line() -> str | None:
            return next((line for line in self.lines[start:] if part in line), None)

        def is_found_or_exited() -> bool:
            return find_line() is not None or self.process.poll() is not None

        wait_until(is_found_or_exited, 40, f"a line with {part!r}")
        found = find_line() or (self.wait() and None) or find_line()
        assert found is not None, "\n".join(self.lines)
        return found

    @property
    def url(self) -> str:
        return self.wait_for_line("Pointsman is ready on ").split()[4]

    @property
    def database_url(self) -> str:
        return self.get_banner_value("database")

    def get_banner_value(self, name: str) -> str:
        """Return a value of the banner, which follows the line that says that it is ready."""
        self.wait_for_line("Ctrl-C stops it.")
        start = self.lines.index(self.wait_for_line("Pointsman is ready on "))
        return self.wait_for_line(f"  {name}  ", start).split()[1]

    def status(self) -> dict[str, Any]:
        return send_request(self.url, "GET", "/_local/status")[2]

    def workers(self, function: str) -> list[dict[str, Any]]:
        return self.status()["functions"][function]["workers"]

    def invoke(self, function: str, event: object = None) -> tuple[Any, bool]:
        """Invoke a function by its logical id; returns its parsed payload, and whether that is an error."""
        body = json.dumps({} if event is None else event).encode()
        status, headers, payload = send_request(self.url, "POST", f"/_local/invoke/{function}", body)
        assert status == 200, payload
        return payload, "x-amz-function-error" in headers

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill_all(self) -> None:
        """SIGKILL it and all its descendants, Postgres too, and wait until they are reaped."""
        processes = self.descendants()
        self.process.send_signal(signal.SIGKILL)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.wait()
        # Not even a zombie may be left: Postgres would take it for a postmaster that still runs.
        wait_until(lambda: not any(psutil.pid_exists(process.pid) for process in processes), 40)

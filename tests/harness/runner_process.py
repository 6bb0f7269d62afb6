"""What the tests of the runner share."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from local.settings import PROVIDERS, Settings

FIXTURE = Path(__file__).parents[1] / "local" / "fixture"
CHECKOUT = Path(__file__).resolve().parents[2]
SIMULATED_PROVIDERS = dict.fromkeys(provider.key_setting for provider in PROVIDERS)
"""Changes of an environment in which every provider is simulated."""


@contextmanager
def temporary_checkout() -> Iterator[Path]:
    """A copy of the fixture in a folder that every user may enter, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pointsman-test-"))
    os.chmod(folder, 0o755)
    try:
        shutil.copytree(FIXTURE, folder / "checkout", ignore=shutil.ignore_patterns("__pycache__"))
        yield folder / "checkout"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def build_environment(**changes: str | None) -> dict[str, str]:
    """An environment in which no provider is simulated; None takes a variable out."""
    values: dict[str, str | None] = {
        "PATH": os.environ["PATH"],
        **{name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"},
        "PORT": "0",
        "PYTHONPATH": str(CHECKOUT),
        "POINTSMAN_SCHEDULES": "off",
        **{provider.key_setting: "" for provider in PROVIDERS},
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def settings(root: Path, **changes: str | None) -> Settings:
    return Settings.load(root, build_environment(**changes))


def send_request(
    url: str, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON body; the target goes out exactly as given."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=40)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        data = response.read()
        try:
            parsed = json.loads(data)
        except ValueError:
            parsed = data
        return response.status, {name.lower(): value for name, value in response.getheaders()}, parsed
    finally:
        connection.close()


def wait_for(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The condition's first true value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition did not come about"
        time.sleep(0.02)


def has_exited(pid: int) -> bool:
    """Whether its parent can take note of its end: a zombie too, but not while a thread of it still ends."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() == 1
    except psutil.NoSuchProcess:
        return True


class RunnerProcess:
    """`python -m local run` on a checkout, with all that it has printed."""

    def __init__(self, root: Path, *arguments: str, **changes: str | None) -> None:
        self.lines: list[str] = []
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local", "run", "--root", str(root), *arguments],
            env={**build_environment(**changes), "PYTHONUNBUFFERED": "1"},
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_output)
        self._reader.start()

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
        """Its exit code, once it has ended and all that it printed is read."""
        code = self.process.wait(30)
        self._reader.join()
        return code

    def wait_for_line(self, part: str, start: int = 0) -> str:
        """The first line from `start` on that holds a text, waited for."""

        def find_line() -> str | None:
            return next((line for line in self.lines[start:] if part in line), None)

        def is_found_or_exited() -> bool:
            return find_line() is not None or self.process.poll() is not None

        wait_for(is_found_or_exited, 40)
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
        """The value of a line under the one that says that it is ready."""
        self.wait_for_line("Ctrl-C stops it.")
        start = self.lines.index(self.wait_for_line("Pointsman is ready on "))
        return self.wait_for_line(f"  {name}  ", start).split()[1]

    def status(self) -> dict[str, Any]:
        return send_request(self.url, "GET", "/_local/status")[2]

    def workers(self, function: str) -> list[dict[str, Any]]:
        return self.status()["functions"][function]["workers"]

    def invoke(self, function: str, event: object = None) -> tuple[Any, bool]:
        """The answer, and whether it is an error."""
        body = json.dumps({} if event is None else event).encode()
        status, headers, answer = send_request(self.url, "POST", f"/_local/invoke/{function}", body)
        assert status == 200, answer
        return answer, "x-amz-function-error" in headers

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill_all(self) -> None:
        """Kill all of it at once, Postgres too, and wait until nothing is left."""
        processes = self.descendants()
        self.process.send_signal(signal.SIGKILL)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.wait()
        # Not even a zombie: Postgres takes that for a postmaster that still runs.
        wait_for(lambda: not any(psutil.pid_exists(process.pid) for process in processes), 40)

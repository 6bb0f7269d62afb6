"""The run lock: one runner for each data folder."""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from local.errors import RunnerError


class RunLockHeld(RunnerError):
    """Another runner holds the data folder.

    Args:
        message: Names the other runner.
        url: Base URL of the other runner's gateway; None while it starts.
    """

    def __init__(self, message: str, url: str | None) -> None:
        super().__init__(message)
        self.url = url


class RunLock:
    """A lock by flock on `run.lock` in the data folder; the system releases it however the runner ends.

    The file holds pid, port, URL and start time of its owner in JSON.

    Args:
        data: The data folder, which has to exist.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / "run.lock"
        self._descriptor = -1

    def acquire(self) -> None:
        """Acquire the lock without waiting.

        Raises:
            RunLockHeld: Another runner holds it; the message names that one.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise self._build_held_error() from None
        self._descriptor = descriptor
        self.write_owner(None)

    def write_owner(self, url: str | None) -> None:
        """Write this runner into the file; `url` is the base URL of its gateway, None while it starts."""
        port = int(url.rsplit(":", 1)[1]) if url else None
        started_at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        text = json.dumps({"pid": os.getpid(), "port": port, "url": url, "started": started_at})
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def _build_held_error(self) -> RunLockHeld:
        owner: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            owner = json.loads(self._path.read_text(encoding="utf-8"))
        owner_state = f"serves {owner['url']}" if owner.get("url") else "is starting"
        return RunLockHeld(
            f"another Pointsman (pid {owner.get('pid', 'unknown')}) {owner_state}"
            f" since {owner.get('started', 'a moment ago')}"
            f" and holds {self._path.parent}: stop it, or set POINTSMAN_DATA and PORT for a second one",
            owner.get("url"),
        )

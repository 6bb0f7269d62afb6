"""One runner per data folder and per port, and a second one that can say who the first is."""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from local.errors import RunnerError


class RunLockHeld(RunnerError):
    """Another runner holds the data folder. `url` is where it can be asked, None while it starts."""

    def __init__(self, message: str, url: str | None) -> None:
        super().__init__(message)
        self.url = url


class RunLock:
    """`run.lock` in the data folder: held by flock, so it is free again however the holder ended."""

    def __init__(self, data: Path) -> None:
        self._path = data / "run.lock"
        self._descriptor = -1

    def acquire(self) -> None:
        """Take it.

        Raises:
            Held: another runner holds it; the message says which.
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
        """Write down what this runner holds, for the next one to tell."""
        port = int(url.rsplit(":", 1)[1]) if url else None
        started_at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        text = json.dumps({"pid": os.getpid(), "port": port, "url": url, "started": started_at})
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def release(self) -> None:
        """Give it back."""
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

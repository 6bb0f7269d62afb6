"""The simulator of the providers, as a process of ours."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from local.errors import RunnerError
from local.processes import Warden, end
from local.settings import Settings

_READY = re.compile(r"simulator ready on (http://\S+)")
_READY_LIMIT = 30.0


class Simulator:
    """Starts `python -m local.simulator` and keeps its output in a log."""

    def __init__(self, settings: Settings, warden: Warden) -> None:
        self._settings = settings
        self._warden = warden
        self._process: subprocess.Popen[bytes] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[str] | None = None
        self._last_line = "no reason given"

    @property
    def pid(self) -> int | None:
        """Its pid while it runs."""
        return self._process.pid if self._process else None

    async def start(self) -> str:
        """Start it and wait until it says that it is ready.

        Returns:
            Its origin, such as http://127.0.0.1:4000.

        Raises:
            RunnerError: it did not become ready.
        """
        log = self._settings.data / "logs" / "simulator.log"
        state = self._settings.data / "simulator.json"
        read, write = os.pipe()
        try:
            self._process = self._warden.spawn(
                [sys.executable, *self._settings.simulator, "--port", "0", "--state", str(state)],
                env={**self._settings.environment, "PYTHONUNBUFFERED": "1"},
                cwd=Path(__file__).resolve().parent.parent,
                stdout=write,
                end_with=signal.SIGTERM,
            )
        finally:
            os.close(write)
        self._ready = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(read, log))
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), _READY_LIMIT)
        except (TimeoutError, EOFError):
            raise RunnerError(f"the simulator does not start: {self._last_line} (see {log})") from None

    async def stop(self) -> None:
        """End it."""
        if self._process is not None:
            await end(self._process, (signal.SIGTERM, 3.0))
            self._warden.release(self._process)
            self._process = None
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=1.0)
            self._reading.cancel()
        if self._ready is not None and self._ready.done() and not self._ready.cancelled():
            self._ready.exception()

    async def _read(self, descriptor: int, log: Path) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
        )
        assert self._ready is not None
        try:
            with log.open("ab", 0) as file:
                while chunk := await reader.read(65536):
                    file.write(chunk)
                    text = chunk.decode("utf-8", "replace")
                    lines = [line.strip() for line in text.splitlines() if line.strip()]
                    self._last_line = lines[-1] if lines else self._last_line
                    found = _READY.search(text)
                    if found and not self._ready.done():
                        self._ready.set_result(found.group(1).rstrip("/"))
        finally:
            transport.close()
            if not self._ready.done():
                self._ready.set_exception(EOFError())

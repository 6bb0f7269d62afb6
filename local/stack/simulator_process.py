"""The simulator of the providers as a child process."""

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

from local.errors import RunnerError
from local.processes.supervisor import Supervisor, end_process, open_pipe_reader
from local.settings import Settings

_READY_LINE = re.compile(r"simulator ready on (http://\S+)")
_READY_TIMEOUT = 30.0


class SimulatorProcess:
    """The process of `python -m local.simulator`; its output goes to `logs/simulator.log`.

    Args:
        settings: Arguments and environment of the simulator.
        supervisor: Ends the process if the runner dies.
    """

    def __init__(self, settings: Settings, supervisor: Supervisor) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._process: subprocess.Popen[bytes] | None = None
        self._output_task: asyncio.Task[None] | None = None
        self._url_future: asyncio.Future[str] | None = None
        self._last_line = "no reason given"

    @property
    def pid(self) -> int | None:
        """Pid of the process while it runs, else None."""
        return self._process.pid if self._process else None

    async def start(self) -> str:
        """Start the simulator and wait until it prints that it is ready.

        Returns:
            Origin of the simulator, such as `http://127.0.0.1:4000`.

        Raises:
            RunnerError: It did not become ready within 30 seconds.
        """
        log_path = self._settings.data / "logs" / "simulator.log"
        state_path = self._settings.data / "simulator.json"
        self._process, output = self._supervisor.spawn_with_pipe(
            [sys.executable, *self._settings.simulator_arguments, "--port", "0", "--state", str(state_path)],
            env={**self._settings.environment, "PYTHONUNBUFFERED": "1"},
            cwd=Path(__file__).resolve().parents[2],
            end_signal=signal.SIGTERM,
        )
        self._url_future = asyncio.get_running_loop().create_future()
        self._output_task = asyncio.create_task(self._read_output(output, log_path))
        try:
            return await asyncio.wait_for(asyncio.shield(self._url_future), _READY_TIMEOUT)
        except (TimeoutError, EOFError):
            raise RunnerError(f"the simulator does not start: {self._last_line} (see {log_path})") from None

    async def stop(self) -> None:
        """End the simulator and close its log."""
        if self._process is not None:
            await end_process(self._process, (signal.SIGTERM, 3.0))
            self._supervisor.unregister(self._process)
            self._process = None
        if self._output_task is not None:
            await asyncio.wait([self._output_task], timeout=1.0)
            self._output_task.cancel()
        if self._url_future is not None and self._url_future.done() and not self._url_future.cancelled():
            self._url_future.exception()

    async def _read_output(self, descriptor: int, log_path: Path) -> None:
        assert self._url_future is not None
        try:
            async with open_pipe_reader(descriptor) as reader:
                with log_path.open("ab", 0) as file:
                    while chunk := await reader.read(65536):
                        file.write(chunk)
                        text = chunk.decode("utf-8", "replace")
                        lines = [line.strip() for line in text.splitlines() if line.strip()]
                        self._last_line = lines[-1] if lines else self._last_line
                        url_match = _READY_LINE.search(text)
                        if url_match and not self._url_future.done():
                            self._url_future.set_result(url_match.group(1).rstrip("/"))
        finally:
            if not self._url_future.done():
                self._url_future.set_exception(EOFError())

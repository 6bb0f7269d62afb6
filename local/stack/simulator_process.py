"""The simulator of the providers as a child process."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from local.errors import RunnerError
from local.processes.revival import Revival
from local.processes.supervisor import Supervisor, end_process, open_pipe_reader
from local.settings import Settings

_READY_LINE = re.compile(r"simulator ready on (http://\S+)")
_READY_TIMEOUT = 30.0


class SimulatorProcess:
    """The process of `python -m local.simulator`; its output goes to `logs/simulator.log`.

    Args:
        settings: Arguments and environment of the simulator.
        supervisor: Ends the process if the runner dies.
        report: Prints a warning on the console.
        give_up: Told once why the simulator, which has ended by itself, is not started again.
    """

    def __init__(
        self,
        settings: Settings,
        supervisor: Supervisor,
        report: Callable[[str], None],
        give_up: Callable[[RunnerError], None],
    ) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._process: subprocess.Popen[bytes] | None = None
        self._output_task: asyncio.Task[None] | None = None
        self._url_future: asyncio.Future[str] | None = None
        self._last_line = "no reason given"
        self._port = 0
        self._log_path = settings.data / "logs" / "simulator.log"
        self._revival = Revival("the simulator", self._start_again, self._explain_end, report, give_up)

    @property
    def pid(self) -> int | None:
        """Pid of the process while it runs, else None."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> str:
        """Start the simulator and wait until it prints that it is ready.

        Until `stop` it is started again at the same address whenever it ends, with the state that it saved last.

        Returns:
            Origin of the simulator, such as `http://127.0.0.1:4000`.

        Raises:
            RunnerError: It did not become ready within 30 seconds.
        """
        url_future = self._spawn()
        try:
            url = await asyncio.wait_for(asyncio.shield(url_future), _READY_TIMEOUT)
        except (TimeoutError, EOFError):
            raise RunnerError(f"the simulator does not start: {self._explain_end()}") from None
        self._port = int(url.rsplit(":", 1)[1])
        assert self._process is not None
        self._revival.watch(self._process)
        return url

    async def stop(self) -> None:
        """End the simulator and close its log."""
        await self._revival.release()
        await self._end_process()

    def _spawn(self) -> asyncio.Future[str]:
        """Start the process; the future has its origin once it is ready, or an EOFError once its output has ended."""
        state_path = self._settings.data / "simulator.json"
        options = ["--port", str(self._port), "--state", str(state_path)]
        self._process, output = self._supervisor.spawn_with_pipe(
            [sys.executable, *self._settings.simulator_arguments, *options],
            env={**self._settings.environment, "PYTHONUNBUFFERED": "1"},
            cwd=Path(__file__).resolve().parents[2],
            end_signal=signal.SIGTERM,
        )
        self._url_future = asyncio.get_running_loop().create_future()
        self._output_task = asyncio.create_task(self._read_output(output, self._url_future))
        return self._url_future

    async def _start_again(self) -> subprocess.Popen[bytes]:
        await self._end_process()
        url_future = self._spawn()
        process = self._process
        assert process is not None
        try:
            await asyncio.wait_for(asyncio.shield(url_future), _READY_TIMEOUT)
        except (TimeoutError, EOFError):
            await self._end_process()
        return process

    def _explain_end(self) -> str:
        return f"{self._last_line} (see {self._log_path})"

    async def _end_process(self) -> None:
        if self._process is not None:
            await end_process(self._process, (signal.SIGTERM, 3.0))
            self._supervisor.unregister(self._process)
            self._process = None
        if self._output_task is not None:
            await asyncio.wait([self._output_task], timeout=1.0)
            self._output_task.cancel()
        if self._url_future is not None and self._url_future.done() and not self._url_future.cancelled():
            self._url_future.exception()

    async def _read_output(self, descriptor: int, url_future: asyncio.Future[str]) -> None:
        try:
            async with open_pipe_reader(descriptor) as reader:
                with self._log_path.open("ab", 0) as file:
                    while chunk := await reader.read(65536):
                        file.write(chunk)
                        text = chunk.decode("utf-8", "replace")
                        lines = [line.strip() for line in text.splitlines() if line.strip()]
                        self._last_line = lines[-1] if lines else self._last_line
                        url_match = _READY_LINE.search(text)
                        if url_match and not url_future.done():
                            url_future.set_result(url_match.group(1).rstrip("/"))
        finally:
            if not url_future.done():
                url_future.set_exception(EOFError())

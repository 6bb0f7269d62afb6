"""The runner's side of a fork server: starts its process, asks it for workers, and follows their exits."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.lambda_service.fork_server_main import MAX_PACKET_BYTES
from local.processes.forked_process import ForkedProcess
from local.processes.supervisor import Supervisor, end_process, wait_for_exit

_SCRIPT = Path(__file__).with_name("fork_server_main.py")
_START_TIMEOUT = 60.0
_FORK_TIMEOUT = 10.0
_RUNTIME_CLIENT_MODULES = (
    "awslambdaric.lambda_context", "awslambdaric.lambda_runtime_exception",
    "awslambdaric.lambda_runtime_log_utils", "awslambdaric.lambda_runtime_marshaller", "awslambdaric.lambda_config",
    "asyncio", "concurrent.futures.thread", "http.client",
)  # fmt: skip
"""What every worker needs. The runtime client's other modules read a worker's own variables when they are loaded."""


class ForkUnavailable(Exception):
    """The fork server does not fork this worker; it can be started as a process of its own."""


@dataclass(frozen=True)
class ModuleCommand:
    """A command `python -m module arguments`.

    Args:
        module: The module.
        arguments: Its arguments.
        environment: The whole environment.
        command: The command as `ps` shows it.
    """

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    command: Sequence[str]


class ForkServer:
    """Forks workers of all functions that have the same layers.

    A worker may be forked only if the variables that the preloaded modules have read at their import have the same
    values for its function.

    Args:
        supervisor: Ends the process if this one dies.
        python: The interpreter.
        layers: Folders whose modules are preloaded.
        environment: Variables that all functions share.
        log_path: Receives the output of the imports.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        python: Path,
        layers: Sequence[Path],
        environment: Mapping[str, str],
        log_path: Path,
    ) -> None:
        self._supervisor = supervisor
        self._python = python
        self._layers = layers
        self._environment = environment
        self._log_path = log_path
        self._names_read: set[str] = set()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch_task: asyncio.Task[None] | None = None
        self._start_task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._fork_count = 0
        self._forks: dict[int, asyncio.Future[ForkedProcess]] = {}
        self._processes: dict[int, ForkedProcess] = {}
        self._is_ready = False
        self._is_retired = False

    @property
    def pid(self) -> int | None:
        """Pid of the process while it runs, else None."""
        return self._process.pid if self._control is not None and self._process is not None else None

    @property
    def has_died(self) -> bool:
        """Whether the process has ended by itself after it had preloaded all modules."""
        return self._is_ready and self._control is None

    async def fork(self, command: ModuleCommand, folder: Path, output: int) -> ForkedProcess:
        """Fork a worker; the first call starts the fork server.

        Args:
            command: What the worker runs.
            folder: Working directory, and first entry of `sys.path`.
            output: Descriptor for standard output and standard error.

        Raises:
            ForkUnavailable: The server does not run, or has other values of variables than this function needs.
        """
        if self._start_task is None:
            self._start_task = asyncio.create_task(self._start())
        await asyncio.shield(self._start_task)
        if self._control is None or self._is_retired:
            raise ForkUnavailable
        environment = command.environment
        if any(self._environment.get(name) != environment.get(name) for name in self._names_read - {"PYTHONPATH"}):
            raise ForkUnavailable
        self._fork_count += 1
        number = self._fork_count
        request = {
            "fork": number, "module": command.module, "arguments": list(command.arguments),
            "environment": dict(environment), "folder": str(folder), "command": list(command.command),
        }  # fmt: skip
        packet = json.dumps(request).encode()
        self._forks[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(packet, output)
            return await asyncio.wait_for(self._forks[number], _FORK_TIMEOUT)
        except (OSError, TimeoutError):
            raise ForkUnavailable from None
        finally:
            self._forks.pop(number, None)

    def retire(self) -> None:
        """Fork no further worker; the process ends with its last worker."""
        self._is_retired = True
        self._close_if_unused()

    async def stop(self) -> None:
        """End the process; its workers have to be ended before."""
        self._is_retired = True
        if self._start_task is not None and not self._start_task.done():
            self._start_task.cancel()
            await asyncio.wait([self._start_task])
        self._disconnect()
        if self._process is not None and self._watch_task is not None:
            await end_process(self._process, (signal.SIGTERM, 2.0))
            await asyncio.wait([self._watch_task])

    async def _start(self) -> None:
        own_side, server_side = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own_side.setblocking(False)
        # The padding makes room for the commands that the workers show in `ps`.
        arguments = [str(self._python), str(_SCRIPT), str(server_side.fileno()), "." * 1000]
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        try:
            with self._log_path.open("ab", 0) as log:
                self._process = self._supervisor.spawn(
                    arguments,
                    env={**self._environment, "PYTHONPATH": os.pathsep.join(map(str, self._layers))},
                    cwd=Path("/"),
                    stdout=log.fileno(),
                    pass_fds=[server_side.fileno()],
                )
            server_side.close()
            self._control = own_side
            self._watch_task = asyncio.create_task(self._watch_process(self._process))
            loop.add_reader(own_side, self._read_packets)
            preload = {"folders": [str(layer) for layer in self._layers], "modules": list(_RUNTIME_CLIENT_MODULES)}
            own_side.send(json.dumps(preload).encode())
            await asyncio.wait_for(self._ready, _START_TIMEOUT)
        except (OSError, TimeoutError, ForkUnavailable):
            server_side.close()
            self._disconnect()

    async def _watch_process(self, process: "subprocess.Popen[bytes]") -> None:
        await wait_for_exit(process)
        self._supervisor.unregister(process)
        self._disconnect()

    async def _send(self, packet: bytes, descriptor: int) -> None:
        while True:
            if self._control is None:
                raise ForkUnavailable
            try:
                socket.send_fds(self._control, [packet], [descriptor])
            except BlockingIOError:
                await asyncio.sleep(0.005)
            else:
                return

    def _read_packets(self) -> None:
        while self._control is not None:
            try:
                packet, descriptors, _, _ = socket.recv_fds(self._control, MAX_PACKET_BYTES, 1)
            except BlockingIOError:
                return
            except OSError:
                packet, descriptors = b"", []
            if not packet:
                self._disconnect()
                return
            self._handle_report(json.loads(packet), descriptors)

    def _handle_report(self, report: dict[str, Any], descriptors: list[int]) -> None:
        if "forked" in report:
            fork = self._forks.get(report["forked"])
            if "pid" not in report:
                if fork is not None and not fork.done():
                    fork.set_exception(ForkUnavailable(report["error"]))
                return
            process = ForkedProcess(report["pid"], descriptors[0])
            self._processes[process.pid] = process
            if fork is not None and not fork.done():
                fork.set_result(process)
            else:
                # Nobody waits for this worker any more.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        elif "exited" in report:
            process = self._processes.pop(report["exited"], None)
            if process is not None:
                process.set_exit_code(report["code"])
            self._close_if_unused()
        elif self._ready is not None and not self._ready.done():
            self._names_read = set(report.get("namesRead", []))
            if report["ready"]:
                self._is_ready = True
                self._ready.set_result(None)
            else:
                self._ready.set_exception(ForkUnavailable(report["reason"]))

    def _close_if_unused(self) -> None:
        if self._is_retired and not self._processes and not self._forks:
            self._disconnect()

    def _disconnect(self) -> None:
        """Close the socket, which ends the process; workers that it has forked run on."""
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        for fork in [*self._forks.values(), *([self._ready] if self._ready is not None else [])]:
            if not fork.done():
                fork.set_exception(ForkUnavailable())
                fork.exception()  # Not logged if nobody waits for it.
        for process in self._processes.values():
            process.lose_parent()
        self._processes.clear()

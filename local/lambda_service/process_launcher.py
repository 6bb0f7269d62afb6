"""Starts the processes of workers: forked from a fork server where that is possible, else as processes of their own."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.lambda_service.fork_server import ForkServer, ForkUnavailable, ModuleCommand
from local.processes.supervisor import ChildProcess, Supervisor, open_pipe_reader, wait_for_exit
from local.template.sam_template import Function

_RECORDER = Path(__file__).with_name("record_command.sh")
_ENVIRONMENT_OF_INTERPRETER = ("PYTHON", "LD_", "MALLOC_")
"""Beginnings of variables that an interpreter reads at its start, so that a fork comes too late for them."""


@dataclass(frozen=True)
class _Preloaded:
    """A fork server, with the names of the modules in the layers that it has preloaded."""

    server: ForkServer
    module_names: frozenset[str]


class ProcessLauncher:
    """Starts processes that run the runtime client for a function.

    A process of its own costs a start of Python and all imports, in time and in memory. A fork of a fork server shares
    both with all other workers. It runs the same command with the same environment, and is a process of its own too.

    Args:
        supervisor: Ends the processes if the runner dies.
        python: The interpreter, which has to have the runtime client.
        environments: The whole environment of each function, by logical id.
        log_folder: Gets `fork-server.log`, the output of preloaded modules at their import.
        forks: Whether to fork; else all processes are started on their own.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        python: Path,
        environments: Mapping[str, Mapping[str, str]],
        log_folder: Path,
        *,
        forks: bool,
    ) -> None:
        self._supervisor = supervisor
        self._python = python
        self._forks = forks and hasattr(os, "pidfd_open") and hasattr(os, "waitstatus_to_exitcode")
        self._log_path = log_folder / "fork-server.log"
        self._shared_environment = _find_shared_variables(list(environments.values()))
        self._servers: dict[tuple[Path, ...], _Preloaded] = {}
        self._retired_servers: list[ForkServer] = []
        self._wrapped_commands: dict[str, asyncio.Task[ModuleCommand | None]] = {}

    async def launch(self, function: Function, environment: Mapping[str, str]) -> tuple[ChildProcess, int]:
        """Start a process in the function's code folder.

        Args:
            function: The function.
            environment: The whole environment.

        Returns:
            The process, and the descriptor of the reading end of its output.

        Raises:
            OSError: It cannot be started.
        """
        wrapper = _find_wrapper(function)
        if self._forks:
            try:
                return await self._fork(function, wrapper, environment)
            except ForkUnavailable:
                pass
        return self._supervisor.spawn_with_pipe(
            [*wrapper, *self._build_runtime_command(function)], env=environment, cwd=function.code_folder
        )

    def retire(self) -> None:
        """Forget what was preloaded, after a change of code; workers that were forked are not touched."""
        servers = [preloaded.server for preloaded in self._servers.values()]
        self._servers.clear()
        self._wrapped_commands.clear()
        self._retired_servers = [server for server in self._retired_servers if server.pid is not None] + servers
        for server in servers:
            server.retire()

    async def stop(self) -> None:
        """End the fork servers; the workers have to be ended before."""
        self.retire()
        await asyncio.gather(*(server.stop() for server in self._retired_servers))

    def status(self) -> list[dict[str, Any]]:
        """Return the fork servers as plain data."""
        return [
            {"pid": preloaded.server.pid, "layers": [str(layer) for layer in layers]}
            for layers, preloaded in self._servers.items()
            if preloaded.server.pid is not None
        ]

    async def _fork(
        self, function: Function, wrapper: list[str], environment: Mapping[str, str]
    ) -> tuple[ChildProcess, int]:
        preloaded = self._find_server(function)
        if any(name.startswith(_ENVIRONMENT_OF_INTERPRETER) for name in function.environment):
            raise ForkUnavailable
        if not preloaded.module_names.isdisjoint(_list_module_names(function.code_folder)):
            raise ForkUnavailable  # A module of the code folder takes the place of one in a layer.
        command = await self._build_module_command(function, wrapper, environment)
        read_descriptor, write_descriptor = os.pipe()
        try:
            process = await preloaded.server.fork(command, function.code_folder, write_descriptor)
        except BaseException:
            os.close(read_descriptor)
            raise
        finally:
            os.close(write_descriptor)
        self._supervisor.register(process)
        return process, read_descriptor

    def _find_server(self, function: Function) -> _Preloaded:
        preloaded = self._servers.get(function.layers)
        if preloaded is None or preloaded.server.has_died:
            names = frozenset(name for layer in function.layers for name in _list_module_names(layer))
            server = ForkServer(
                self._supervisor, self._python, function.layers, self._shared_environment, self._log_path
            )
            preloaded = self._servers[function.layers] = _Preloaded(server, names)
        return preloaded

    def _build_runtime_command(self, function: Function) -> list[str]:
        # The handler's name in the command shows in `ps`.
        return [str(self._python), "-m", "awslambdaric", function.handler]

    async def _build_module_command(
        self, function: Function, wrapper: list[str], environment: Mapping[str, str]
    ) -> ModuleCommand:
        command = self._build_runtime_command(function)
        if not wrapper:
            return ModuleCommand("awslambdaric", command[3:], environment, command)
        # What the wrapper does is the same for each worker, so it runs once.
        if function.name not in self._wrapped_commands:
            self._wrapped_commands[function.name] = asyncio.create_task(
                self._record_command([*wrapper, str(_RECORDER), *command[1:]], function, environment)
            )
        recorded = await asyncio.shield(self._wrapped_commands[function.name])
        if recorded is None:
            raise ForkUnavailable
        address = environment["AWS_LAMBDA_RUNTIME_API"]
        return replace(recorded, environment={**recorded.environment, "AWS_LAMBDA_RUNTIME_API": address})

    async def _record_command(
        self, arguments: list[str], function: Function, environment: Mapping[str, str]
    ) -> ModuleCommand | None:
        """Run a wrapper to see which command it ends in; None unless that is a module of the interpreter."""
        process, output = self._supervisor.spawn_with_pipe(arguments, env=environment, cwd=function.code_folder)
        async with open_pipe_reader(output, 2**20) as reader:
            text = (await reader.read(-1)).decode("utf-8", "surrogateescape")
        exit_code = await wait_for_exit(process)
        self._supervisor.unregister(process)
        head, _, tail = text.partition("\0\0")
        recorded = head.split("\0")
        if exit_code != 0 or not tail:
            return None
        variables = dict(line.split("=", 1) for line in tail.split("\0") if "=" in line)
        options = recorded[1:] if recorded[0] == "-u" else recorded
        if len(options) < 2 or options[0] != "-m":
            return None
        return ModuleCommand(options[1], options[2:], variables, [str(self._python), *recorded])


def _find_shared_variables(environments: list[Mapping[str, str]]) -> dict[str, str]:
    first, *others = environments or [{}]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _list_module_names(folder: Path) -> set[str]:
    """Return the names of the modules and packages directly in a folder."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return set()
    names = {entry.name.partition(".")[0] for entry in entries if entry.name.endswith((".py", ".so")) or entry.is_dir()}
    return names - {"__init__", "__pycache__"}


def _find_wrapper(function: Function) -> list[str]:
    """Return the wrapper that starts the runtime in its place, found in the layers, which are /opt/python on Lambda.

    Raises:
        FileNotFoundError: No layer has the wrapper.
    """
    if function.exec_wrapper is None:
        return []
    name = function.exec_wrapper.removeprefix("/opt/python/")
    files = [layer / name for layer in function.layers]
    if name == function.exec_wrapper or not any(file.is_file() for file in files):
        raise FileNotFoundError(f"AWS_LAMBDA_EXEC_WRAPPER: no layer has {function.exec_wrapper}")
    return [next(str(file) for file in files if file.is_file())]

"""Applies changes of code and of state machines while the stack runs."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from watchfiles import (
    Change,
    DefaultFilter,
    awatch,  # pyright: ignore[reportUnknownVariableType] - its type names an optional package
)

from local.console import Console
from local.errors import RunnerError
from local.lambda_service.service import LambdaService
from local.step_functions.moto_server import MotoServer
from local.template.sam_template import Template


class CodeReloader:
    """Watches the files of functions, layers, state machines and the template.

    A change of code retires all workers, a change of a definition updates its state machine. A change of the template
    is only announced; it needs a restart.

    Args:
        template: Names the files to watch.
        lambda_service: Has the workers to retire.
        moto_server: Has the state machines to update.
        console: Announces each change.
    """

    def __init__(
        self,
        template: Template,
        lambda_service: LambdaService,
        moto_server: MotoServer,
        console: Console,
    ) -> None:
        self._template = template
        self._lambda_service = lambda_service
        self._moto_server = moto_server
        self._console = console
        self._stop_event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._code_folders = {
            path for function in template.functions.values() for path in (function.code_folder, *function.layers)
        }
        self._machines_by_definition = {machine.definition_path: machine for machine in template.state_machines}

    def start(self) -> None:
        """Start to watch in a task."""
        self._task = asyncio.create_task(self._watch_all())

    async def stop(self) -> None:
        """Stop to watch and wait for the end of the task."""
        self._stop_event.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _watch_all(self) -> None:
        folders = _drop_nested_folders(self._code_folders | {path.parent for path in self._machines_by_definition})
        try:
            await asyncio.gather(
                self._watch(folders, recursive=True), self._watch([self._template.path.parent], recursive=False)
            )
        except (OSError, RuntimeError) as error:
            self._console.warn(f"changes of code are no longer noticed: {error}")

    async def _watch(self, folders: Iterable[Path], *, recursive: bool) -> None:
        batches = awatch(
            *folders,
            watch_filter=DefaultFilter(),
            debounce=200,
            step=50,
            stop_event=self._stop_event,
            recursive=recursive,
            rust_timeout=500,
        )
        async for changes in batches:
            await self._apply_changes(changes)

    async def _apply_changes(self, changes: "set[tuple[Change, str]]") -> None:
        paths = sorted({Path(path) for _, path in changes})
        if self._template.path in paths:
            self._console.info(f"{self._template.path.name} changed: restart to apply it")
        for path in paths:
            if path in self._machines_by_definition:
                await self._update_state_machine(path)
        code_paths = [
            path
            for path in paths
            if any(folder in path.parents for folder in self._code_folders) and path not in self._machines_by_definition
        ]
        if code_paths:
            count = self._lambda_service.retire_all()
            others = f" and {len(code_paths) - 1} more" if len(code_paths) > 1 else ""
            name = (
                code_paths[0].relative_to(self._template.path.parent)
                if self._template.path.parent in code_paths[0].parents
                else code_paths[0]
            )
            self._console.info(f"{name}{others} changed: {count} function processes replaced")

    async def _update_state_machine(self, path: Path) -> None:
        machine = self._machines_by_definition[path]
        try:
            await asyncio.to_thread(self._moto_server.update_state_machine, machine)
        except RunnerError as error:
            self._console.warn(str(error))
        else:
            self._console.info(f"{path.name} changed: {machine.name} is redefined")


def _drop_nested_folders(folders: "set[Path]") -> list[Path]:
    return sorted(
        folder for folder in folders if folder.is_dir() and not any(other in folder.parents for other in folders)
    )

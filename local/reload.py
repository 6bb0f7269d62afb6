"""Lets changed code in while the bundle runs."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from watchfiles import (
    Change,
    DefaultFilter,
    awatch,  # pyright: ignore[reportUnknownVariableType] - its type names an optional package
)

from local.aws import Aws
from local.console import Console
from local.errors import RunnerError
from local.functions import LambdaService
from local.template import Template


class Reload:
    """Watches the code of the functions, the layers, the state machines and the template.

    Args:
        template: what to watch, and which definitions belong to which state machine.
        watched: called once the system reports changes.
    """

    def __init__(
        self,
        template: Template,
        functions: LambdaService,
        aws: Aws,
        console: Console,
        watched: Callable[[], None] = lambda: None,
    ) -> None:
        self._template = template
        self._functions = functions
        self._aws = aws
        self._console = console
        self._watched = watched
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._waiting = 0
        self._code = {path for function in template.functions.values() for path in (function.code, *function.layers)}
        self._definitions = {machine.definition: machine for machine in template.state_machines}

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Watch no more."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        folders = _outermost(self._code | {path.parent for path in self._definitions})
        try:
            await asyncio.gather(
                self._watch(folders, recursive=True), self._watch([self._template.path.parent], recursive=False)
            )
        except (OSError, RuntimeError) as error:
            self._console.warn(f"changes are not seen from here on: {error}")

    async def _watch(self, folders: Iterable[Path], *, recursive: bool) -> None:
        watching = awatch(
            *folders, watch_filter=DefaultFilter(), debounce=200, step=50, stop_event=self._stop, recursive=recursive,
            rust_timeout=500, yield_on_timeout=True,
        )  # fmt: skip
        self._waiting += 1
        first = True
        async for changes in watching:
            if first:
                first = False
                self._waiting -= 1
                if self._waiting == 0:
                    self._watched()
            await self._changed(changes)

    async def _changed(self, changes: "set[tuple[Change, str]]") -> None:
        paths = sorted({Path(path) for _, path in changes})
        if self._template.path in paths:
            self._console.say(f"{self._template.path.name} changed: restart to apply it")
        for path in paths:
            if path in self._definitions:
                await self._redefine(path)
        code = [
            path
            for path in paths
            if any(folder in path.parents for folder in self._code) and path not in self._definitions
        ]
        if code:
            count = self._functions.retire_all()
            others = f" and {len(code) - 1} more" if len(code) > 1 else ""
            name = (
                code[0].relative_to(self._template.path.parent)
                if self._template.path.parent in code[0].parents
                else code[0]
            )
            self._console.say(f"{name}{others} changed: {count} function processes replaced")

    async def _redefine(self, path: Path) -> None:
        machine = self._definitions[path]
        try:
            await asyncio.to_thread(self._aws.update_state_machine, machine)
        except RunnerError as error:
            self._console.warn(str(error))
        else:
            self._console.say(f"{path.name} changed: {machine.name} is redefined")


def _outermost(folders: "set[Path]") -> list[Path]:
    return sorted(
        folder for folder in folders if folder.is_dir() and not any(other in folder.parents for other in folders)
    )

"""The command line: `python -m local run`, `demo`, `migrate`, `reconcile`."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from local.console import Console
from local.errors import RunnerError
from local.settings import Settings


class _StopRequested(BaseException):
    """Somebody asked us to stop; not an error, so nothing on the way may catch it as one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 after a clean stop and 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local", description="The bundle on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("run", "bring everything up and keep it up"),
        ("demo", "create an instance, watch it, destroy it"),
        ("migrate", "bring the databases up to date, once"),
        ("reconcile", "go on with operations that stalled or left something, once"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--root", type=Path, help="the checkout (default: this one)")
        if name == "migrate":
            command.add_argument("--drop", action="store_true", help="drop the columns that nobody needs any more")
        elif name == "reconcile":
            command.add_argument("--dry", action="store_true", help="only show what would be done")
        else:
            command.add_argument("--port", type=int, help="instead of PORT; 0 takes a free one")
    options = parser.parse_args(arguments)
    try:
        _SignalHandler().install()
        settings = Settings.load(options.root)
        if options.command == "migrate":
            from local.commands.migration import migrate

            migrate(settings, options.drop)
            return 0
        if options.command == "reconcile":
            from local.commands.reconciliation import reconcile

            reconcile(settings, options.dry)
            return 0
        if options.port is not None:
            settings = replace(settings, port=options.port)
        if options.command == "demo":
            from local.commands.demo import run_demo

            run_demo(settings)
        else:
            _run_stack(settings)
    except RunnerError as error:
        print(f"pointsman: {error}", file=sys.stderr)
        return 1
    except _StopRequested:
        print("Pointsman has stopped")
        return 1 if options.command in ("migrate", "reconcile") else 0
    return 0


def _run_stack(settings: Settings) -> None:
    # Half a second of imports, for which a mistake in the settings need not wait.
    from local.stack.stack import Stack

    console = Console()
    console.info("Pointsman is starting")
    with Stack(settings, console) as stack:
        # While nobody asks yet: the first create would wait for a dozen processes one after the other.
        stack.prewarm()
        threading.Event().wait()


class _SignalHandler:
    """The first signal stops cleanly, the second at once; the warden then ends what is left."""

    def __init__(self) -> None:
        self._has_signal = False

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._has_signal:
            os._exit(1)
        self._has_signal = True
        raise _StopRequested

"""The command line: `python -m local run`, `demo`, `sam-local`, `migrate`, `reconcile`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from local.console import Console
from local.errors import RunnerError
from local.processes.open_files import allow_open_files
from local.settings import Settings


class _StopRequested(BaseException):
    """A signal requested a stop; a BaseException, so that no handler of errors catches it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Command line without the program; the process's own by default.

    Returns:
        Exit code: 0 after success or a clean stop, 1 after an error.
    """
    parser = argparse.ArgumentParser(prog="python -m local", description="The whole stack on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("run", "start the whole stack and keep it running until Ctrl-C"),
        ("demo", "create an instance, watch its deployment, destroy it"),
        ("sam-local", "start the whole stack for functions that `sam local` runs in containers"),
        ("migrate", "migrate the databases"),
        ("reconcile", "run the reconciler once: resume stalled operations, delete orphans"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--root", type=Path, help="the checkout (default: this one)")
        if name == "migrate":
            command.add_argument("--drop", action="store_true", help="also drop the legacy columns")
        elif name == "reconcile":
            command.add_argument("--dry", action="store_true", help="only print what would be done")
        else:
            command.add_argument("--port", type=int, help="instead of the setting PORT; 0 takes a free one")
        if name == "sam-local":
            command.add_argument("--bridge", help="where containers reach this machine (default: Docker's bridge)")
    options = parser.parse_args(arguments)
    try:
        _SignalHandler().install()
        allow_open_files()
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
        elif options.command == "sam-local":
            from local.commands.sam_local import run_sam_local

            run_sam_local(settings, options.bridge)
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
    # These imports take half a second; an error in the settings is reported before.
    from local.stack.stack import Stack

    console = Console()
    console.info("Pointsman is starting")
    with Stack(settings, console) as stack:
        # Without it the first create would start a dozen processes one after the other.
        stack.prewarm()
        stack.wait()


class _SignalHandler:
    """Stops cleanly at the first signal and exits at the second; the reaper then ends the child processes."""

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

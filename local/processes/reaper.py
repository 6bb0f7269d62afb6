"""The reaper: a process that ends the runner's children after the runner itself has died.

It reads lines `+ PID SIGNAL` (register) and `- PID` (unregister) from standard input. At the end of the input it sends
each registered process group its signal, and SIGKILL after a grace period. The input ends when the runner exits for any
reason, SIGKILL included. Runs as a script under `python -I`, so it cannot import from `local`.
"""

import contextlib
import os
import signal
import sys
import time

import psutil

GRACE_SECONDS = 5.0
"""From the first signal to SIGKILL."""


def main() -> None:
    """Track the registered children until the input ends, then end them."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    children: dict[int, tuple[psutil.Process, int]] = {}
    for line in sys.stdin:
        sign, pid, *rest = line.split()
        if sign == "-":
            children.pop(int(pid), None)
            continue
        try:
            children[int(pid)] = (psutil.Process(int(pid)), int(rest[0]))
        except psutil.NoSuchProcess:
            continue
    _end_children(list(children.values()))


def _end_children(children: list[tuple[psutil.Process, int]]) -> None:
    for process, end_signal in children:
        _signal_group(process, end_signal)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(_is_alive(process) for process, _ in children):
        time.sleep(0.02)
    for process, _ in children:
        if _is_alive(process):
            _signal_group(process, signal.SIGKILL)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal_group(process: psutil.Process, number: int) -> None:
    # psutil compares start times, so a process that has reused the pid is not signalled.
    if not _is_alive(process):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    main()

"""A process that outlives its parent by a moment, and ends what the parent started and could not stop itself.

It reads `+ PID SIGNAL` and `- PID` lines; at the end of its input it sends each remaining process group its signal,
and SIGKILL a few seconds later. The parent holds the other end, so even its own SIGKILL ends here.
"""

import contextlib
import os
import signal
import sys
import time

import psutil

GRACE = 5.0


def main() -> None:
    """Collect until the parent is gone, then end what is left."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    charges: dict[int, tuple[psutil.Process, int]] = {}
    for line in sys.stdin:
        sign, pid, *rest = line.split()
        if sign == "-":
            charges.pop(int(pid), None)
            continue
        try:
            charges[int(pid)] = (psutil.Process(int(pid)), int(rest[0]))
        except psutil.NoSuchProcess:
            continue
    _end(list(charges.values()))


def _end(charges: list[tuple[psutil.Process, int]]) -> None:
    for process, number in charges:
        _signal(process, number)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(_alive(process) for process, _ in charges):
        time.sleep(0.02)
    for process, _ in charges:
        if _alive(process):
            _signal(process, signal.SIGKILL)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, number: int) -> None:
    # is_running compares start times, so a pid that was given to somebody else is left alone.
    if not _alive(process):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    main()

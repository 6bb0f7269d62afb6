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

GRACE_SECONDS = 5.0


def main() -> None:
    """Collect until the parent is gone, then end what is left."""
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
    # is_running compares start times, so a pid that was given to somebody else is left alone.
    if not _is_alive(process):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    main()

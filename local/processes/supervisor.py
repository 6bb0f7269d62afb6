"""Child processes: started in groups of their own, ended with us however we end, waited for without a thread."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_INTERVAL = 0.02


@dataclass(frozen=True)
class Account:
    """Whom a program runs as; None is the current user."""

    uid: int | None = None
    gid: int | None = None

    @property
    def extra_groups(self) -> list[int] | None:
        """No further groups for another account."""
        return None if self.uid is None else []


class Supervisor:
    """Ends our children if we die without having done it; see `local.processes.reaper`."""

    def __init__(self) -> None:
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("reaper.py"))],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )

    def spawn(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: int,
        end_signal: signal.Signals = signal.SIGKILL,
        account: "Account | None" = None,
    ) -> "subprocess.Popen[bytes]":
        """Start a child in a process group of its own, which a Ctrl-C in the terminal does not reach.

        Args:
            stdout: a file descriptor, or subprocess.PIPE.
            end_with: what the warden sends first, should it come to that.
            account: whom it runs as; by default the current user.
        """
        child: subprocess.Popen[bytes] = subprocess.Popen(
            arguments,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=account.extra_groups if account else None,
        )
        self._send_to_reaper(f"+ {child.pid} {int(end_signal)}\n")
        return child

    def unregister(self, child: "subprocess.Popen[bytes]") -> None:
        """Forget a child that has ended."""
        self._send_to_reaper(f"- {child.pid}\n")

    async def close(self) -> None:
        """End the warden, and with it whatever was not released."""
        if self._reaper.stdin is not None:
            with contextlib.suppress(OSError):
                self._reaper.stdin.close()
        await wait_for_exit(self._reaper)

    def _send_to_reaper(self, line: str) -> None:
        if self._reaper.stdin is not None and not self._reaper.stdin.closed:
            with contextlib.suppress(OSError):
                self._reaper.stdin.write(line.encode())
                self._reaper.stdin.flush()


async def wait_for_exit(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a child; its return code. Polls where the system has no pidfd: Popen.wait hangs some shutdowns."""
    pidfd_open = getattr(os, "pidfd_open", None)
    descriptor = -1
    if pidfd_open is not None:
        with contextlib.suppress(OSError):
            descriptor = pidfd_open(process.pid)
    if descriptor < 0:
        while process.poll() is None:
            await asyncio.sleep(_POLL_INTERVAL)
        return int(process.returncode)
    loop = asyncio.get_running_loop()
    exit_event = asyncio.Event()
    loop.add_reader(descriptor, exit_event.set)
    try:
        await exit_event.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    while process.poll() is None:
        await asyncio.sleep(_POLL_INTERVAL)
    return int(process.returncode)


async def end_process(process: "subprocess.Popen[bytes]", *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal to the child's group and wait its seconds, until the child is gone; SIGKILL at last."""
    for number, seconds in (*steps, (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(wait_for_exit(process), seconds)


def describe_exit_code(code: int) -> str:
    """A return code in Lambda's words: `signal: killed` or `exit status 1`."""
    if code >= 0:
        return f"exit status {code}"
    names = {
        signal.SIGKILL: "killed",
        signal.SIGTERM: "terminated",
        signal.SIGSEGV: "segmentation fault",
        signal.SIGABRT: "aborted",
    }
    return f"signal: {names.get(-code, -code)}"  # type: ignore[call-overload]

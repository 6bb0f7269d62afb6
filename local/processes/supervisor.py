"""Child processes: started in process groups of their own, awaited without a thread, ended even if the runner dies.

The last is the work of the reaper, a process of its own (`local.processes.reaper`).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.processes.forked_process import ForkedProcess

ChildProcess = subprocess.Popen[bytes] | ForkedProcess

_POLL_INTERVAL = 0.02


@dataclass(frozen=True)
class Account:
    """The user and group that a program runs as; None is the current one."""

    uid: int | None = None
    gid: int | None = None

    @property
    def extra_groups(self) -> list[int] | None:
        """Supplementary groups for `subprocess`: none for another account, the current ones for the current user."""
        return None if self.uid is None else []


class Supervisor:
    """Starts child processes and registers them with the reaper, which ends them if this process dies first."""

    def __init__(self) -> None:
        self._end_signals: dict[int, signal.Signals] = {}
        self._is_closed = False
        self._reaper = _start_reaper()

    def spawn(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: int,
        end_signal: signal.Signals = signal.SIGKILL,
        account: "Account | None" = None,
        pass_fds: Sequence[int] = (),
    ) -> "subprocess.Popen[bytes]":
        """Start a child in a process group of its own, which Ctrl-C in the terminal does not reach.

        Args:
            arguments: The command.
            env: The whole environment of the child.
            cwd: Working directory.
            stdout: File descriptor for standard output and standard error.
            end_signal: First signal of the reaper; SIGKILL follows after a grace period.
            account: User and group of the child; the current ones by default.
            pass_fds: Further descriptors that the child inherits.
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
            pass_fds=pass_fds,
        )
        self.register(child, end_signal)
        return child

    def register(self, child: ChildProcess, end_signal: signal.Signals = signal.SIGKILL) -> None:
        """Tell the reaper of a process that leads a process group; `spawn` does so by itself."""
        self._end_signals[child.pid] = end_signal
        self._send_to_reaper(f"+ {child.pid} {int(end_signal)}\n")

    def spawn_with_pipe(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        end_signal: signal.Signals = signal.SIGKILL,
    ) -> "tuple[subprocess.Popen[bytes], int]":
        """Start a child as `spawn` does, with its output in a pipe.

        Returns:
            The child, and the descriptor of the pipe's reading end, for `open_pipe_reader`.
        """
        read_descriptor, write_descriptor = os.pipe()
        try:
            child = self.spawn(arguments, env=env, cwd=cwd, stdout=write_descriptor, end_signal=end_signal)
        except BaseException:
            os.close(read_descriptor)
            raise
        finally:
            os.close(write_descriptor)
        return child, read_descriptor

    def unregister(self, child: ChildProcess) -> None:
        """Tell the reaper that a child has ended, so that it does not signal a reused pid."""
        self._end_signals.pop(child.pid, None)
        self._send_to_reaper(f"- {child.pid}\n")

    async def close(self) -> None:
        """Stop the reaper, which first ends the children that are still registered."""
        self._is_closed = True
        _close_input(self._reaper)
        await wait_for_exit(self._reaper)

    def _send_to_reaper(self, line: str) -> None:
        if self._is_closed or _write_input(self._reaper, line):
            return
        # Somebody has ended the reaper. Another one takes all children over.
        _close_input(self._reaper)
        self._reaper.wait()
        self._reaper = _start_reaper()
        _write_input(self._reaper, "".join(f"+ {pid} {int(number)}\n" for pid, number in self._end_signals.items()))


def _start_reaper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", str(Path(__file__).with_name("reaper.py"))],
        stdin=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        bufsize=0,
    )


def _write_input(process: "subprocess.Popen[bytes]", text: str) -> bool:
    """Write to a process; return False if it has ended."""
    assert process.stdin is not None
    try:
        process.stdin.write(text.encode())
    except OSError:
        return False
    return True


def _close_input(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()


@contextlib.asynccontextmanager
async def open_pipe_reader(descriptor: int, limit: int = 2**16) -> AsyncGenerator[asyncio.StreamReader]:
    """Open a pipe for reading on the event loop; closes the descriptor at the end.

    Args:
        descriptor: Reading end of the pipe.
        limit: Most bytes of a line that `readline` accepts.
    """
    reader = asyncio.StreamReader(limit=limit)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    try:
        yield reader
    finally:
        transport.close()


async def wait_for_exit(process: ChildProcess) -> int:
    """Wait for a child and return its return code.

    Uses a pidfd, or polls where the system has none: a thread in `Popen.wait` has kept some shutdowns hanging.
    """
    if isinstance(process, ForkedProcess):
        return await process.wait()
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


async def end_process(process: ChildProcess, *steps: tuple[signal.Signals, float]) -> None:
    """End a child's process group by increasingly strong signals.

    Args:
        process: The child.
        steps: Signals in order, each with the seconds to wait for the exit; SIGKILL follows the last one.
    """
    for number, seconds in (*steps, (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(wait_for_exit(process), seconds)


def describe_exit_code(code: int) -> str:
    """Describe a return code as Lambda does: `signal: killed` or `exit status 1`."""
    if code >= 0:
        return f"exit status {code}"
    names = {
        signal.SIGKILL: "killed",
        signal.SIGTERM: "terminated",
        signal.SIGSEGV: "segmentation fault",
        signal.SIGABRT: "aborted",
    }
    return f"signal: {names.get(-code, -code)}"  # type: ignore[call-overload]

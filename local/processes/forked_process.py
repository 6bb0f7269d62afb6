"""A process that another child of this one has forked, so that only that one can wait for its exit code."""

import asyncio
import os
import select
import signal


class ForkedProcess:
    """The part of `subprocess.Popen` that the supervisor needs, for a process that is not a child of this one.

    Args:
        pid: Pid of the process.
        pidfd: Its pidfd, which this object closes.
    """

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._pidfd = pidfd
        self._exit_event = asyncio.Event()

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs; asks the operating system.

        An exit whose code is not known yet counts as killed.
        """
        if self.returncode is None and self._has_exited():
            return -signal.SIGKILL
        return self.returncode

    async def wait(self) -> int:
        """Wait for the exit code."""
        await self._exit_event.wait()
        assert self.returncode is not None
        return self.returncode

    def set_exit_code(self, code: int) -> None:
        """Record the exit; a second call is ignored.

        Args:
            code: As `Popen.returncode` has it, negative after a signal.
        """
        if self.returncode is None:
            self.returncode = code
            os.close(self._pidfd)
            self._exit_event.set()

    def lose_parent(self) -> None:
        """From now on nobody reports the exit code: the exit counts as killed, once the process has ended."""
        if self.returncode is None:
            asyncio.get_running_loop().add_reader(self._pidfd, self._handle_unreported_exit)

    def _handle_unreported_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        self.set_exit_code(-signal.SIGKILL)

    def _has_exited(self) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

"""Processes that serve the stack's functions: which there are, killing them, and waiting for their end."""

import contextlib
import signal

import psutil

from local.template.sam_template import Template

from .paths import TEMPLATE
from .wait import wait_until

_HANDLERS = {function.handler for function in Template.load(TEMPLATE, {}).functions.values()}


def kill_workers(handler: str) -> int:
    """Kill every process of this process's stack that serves a handler, and wait for its end; returns how many.

    Args:
        handler: as in the template, such as "create_instance.handler".
    """
    assert handler in _HANDLERS, f"no function of the template has the handler {handler}"
    killed: list[int] = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            line = process.cmdline()
            if any("awslambdaric" in part for part in line) and handler in line:
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)
    for pid in killed:
        wait_until(lambda pid=pid: has_exited(pid))
    return len(killed)


def has_exited(pid: int) -> bool:
    """Whether a process can be reaped: it is gone, or a zombie of which no thread is still ending."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() == 1
    except psutil.NoSuchProcess:
        return True

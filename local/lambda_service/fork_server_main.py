"""The fork server: a process that has imported what functions import, and becomes a worker by each fork.

It starts as a script in the interpreter of the functions, so it imports nothing from `local`. Requests come and reports
go as packets of JSON over the socket whose descriptor is its argument. It ends when the other side closes the socket.

The first packet says what to preload: `{"folders": […], "modules": […]}`. The report `{"ready": true, …}` names the
environment variables that the imports have read. Each further packet `{"fork": n, …}` comes with the descriptor of the
worker's output and is reported as `{"forked": n, "pid": …}` with a pidfd; `{"exited": pid, "code": …}` follows.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import re
import runpy
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

MAX_PACKET_BYTES = 2**18
_INDENTED_IMPORT = re.compile(r"^[ \t]+(?:from[ \t]+(\w[\w.]*)[ \t]+import|import[ \t]+(\w[\w.]*))", re.MULTILINE)
_SKIPPED_NAMES = {"__main__", "migrations", "legacy_migration"}
"""Parts of the names of modules that are not preloaded: entry points, and what only the migration imports."""


def main() -> None:
    """Preload, then fork a worker for each request."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _set_command_line([sys.executable, sys.argv[0]])
    request = json.loads(control.recv(MAX_PACKET_BYTES))
    # The script's own folder is the first entry; layers are what PYTHONPATH names.
    layers = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    base_path = [entry for entry in sys.path[1:] if entry not in layers]
    sys.path = [*layers, *base_path]
    gc.disable()
    names_read = _preload([Path(folder) for folder in request["folders"]], request["modules"])
    if len(os.listdir("/proc/self/task")) != 1:
        control.send(json.dumps({"ready": False, "reason": "an import has started a thread"}).encode())
        return
    gc.collect()
    # The collector would write to every object, and so copy every page, in each worker.
    gc.freeze()
    control.send(json.dumps({"ready": True, "namesRead": sorted(names_read)}).encode())
    worker_request = _serve(control)
    if worker_request is not None:
        control.close()
        _run_worker(worker_request, base_path)


def _preload(folders: list[Path], modules: list[str]) -> set[str]:
    """Import all modules of folders and the further ones; return the environment variables that this has read.

    A module that fails is left to the workers, which report it.
    """
    names_read: set[str] = set()
    environ_class: Any = type(os.environ)
    get_item = environ_class.__getitem__

    def record_and_get(environ: Any, name: str) -> str:
        names_read.add(name)
        return get_item(environ, name)

    environ_class.__getitem__ = record_and_get
    try:
        for name in [*modules, *_list_modules(folders)]:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    finally:
        environ_class.__getitem__ = get_item
    return names_read


def _list_modules(folders: list[Path]) -> list[str]:
    """Return the modules of folders, then those that they import within functions, when these are first called."""
    names: list[str] = []
    late_imports: set[str] = set()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            if _SKIPPED_NAMES.isdisjoint(parts):
                names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
                text = file.read_text(encoding="utf-8", errors="replace")
                late_imports.update(first or second for first, second in _INDENTED_IMPORT.findall(text))
    return [*names, *sorted(late_imports)]


def _serve(control: socket.socket) -> "dict[str, Any] | None":
    """Fork for each request and report exits; returns the request in each worker, and None at the end."""
    wakeup_reader, wakeup_writer = os.pipe()
    os.set_blocking(wakeup_writer, False)
    signal.set_wakeup_fd(wakeup_writer)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wakeup_reader, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == wakeup_reader:
                os.read(wakeup_reader, 4096)
                _report_exits(control)
                continue
            packet, descriptors, _, _ = socket.recv_fds(control, MAX_PACKET_BYTES, 1)
            if not packet:
                return None
            request = json.loads(packet)
            try:
                pid = os.fork()
            except OSError as error:
                os.close(descriptors[0])
                control.send(json.dumps({"forked": request["fork"], "error": str(error)}).encode())
                continue
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(wakeup_reader)
                os.close(wakeup_writer)
                os.setsid()
                os.dup2(descriptors[0], 1)
                os.dup2(descriptors[0], 2)
                os.close(descriptors[0])
                return request
            os.close(descriptors[0])
            pidfd = os.pidfd_open(pid)
            socket.send_fds(control, [json.dumps({"forked": request["fork"], "pid": pid}).encode()], [pidfd])
            os.close(pidfd)


def _report_exits(control: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            control.send(json.dumps({"exited": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _run_worker(request: "dict[str, Any]", base_path: list[str]) -> None:
    """Run a module as `python -m` does, with the environment, working directory and path of a process of its own.

    The interpreter exits with what the module raises, as it does after `python -m`.
    """
    # Python sets it at its start, where the system lacks the locale that LANG names (PEP 538).
    coerced_locale = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}
    os.environ.clear()
    os.environ.update({**coerced_locale, **request["environment"]})
    time.tzset()
    os.chdir(request["folder"])
    python_path = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path = [request["folder"], *dict.fromkeys([*python_path, *base_path])]
    _set_command_line(request["command"])
    sys.argv = ["-m", *request["arguments"]]
    gc.enable()
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def _set_command_line(command: list[str]) -> None:
    """Show another command in `ps`: overwrites the memory of this process's arguments.

    The last byte is not NUL, which tells Linux that the text ends at its first NUL.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])
        text = " ".join(command).encode()[: end - start - 2]
        ctypes.memset(start, 0, end - start)
        ctypes.memmove(start, text, len(text))
        ctypes.memset(end - 1, 1, 1)


if __name__ == "__main__":
    main()

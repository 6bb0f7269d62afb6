"""One runner per data folder and per port, and a second one that can say who the first is."""

import contextlib
import fcntl
import json
import os
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any, cast

import psutil

from local.errors import RunnerError


class RunLockHeld(RunnerError):
    """Another runner holds the data folder. `url` is where it can be asked, None while it starts."""

    def __init__(self, message: str, url: str | None) -> None:
        super().__init__(message)
        self.url = url


class RunLock:
    """`run.lock` in the data folder: held by flock, so it is free again however the holder ended."""

    def __init__(self, data: Path) -> None:
        self._path = data / "run.lock"
        self._descriptor = -1

    def acquire(self) -> None:
        """Take it.

        Raises:
            Held: another runner holds it; the message says which.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise self._build_held_error() from None
        self._descriptor = descriptor
        self.write_owner(None)

    def write_owner(self, url: str | None) -> None:
        """Write down what this runner holds, for the next one to tell."""
        port = int(url.rsplit(":", 1)[1]) if url else None
        started_at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        text = json.dumps({"pid": os.getpid(), "port": port, "url": url, "started": started_at})
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def release(self) -> None:
        """Give it back."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def _build_held_error(self) -> RunLockHeld:
        owner: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            owner = json.loads(self._path.read_text(encoding="utf-8"))
        owner_state = f"serves {owner['url']}" if owner.get("url") else "is starting"
        return RunLockHeld(
            f"another Pointsman (pid {owner.get('pid', 'unknown')}) {owner_state}"
            f" since {owner.get('started', 'a moment ago')}"
            f" and holds {self._path.parent}: stop it, or set POINTSMAN_DATA and PORT for a second one",
            owner.get("url"),
        )


def bind_listener(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not listening yet, so that clients are refused until all is ready.

    Raises:
        RunnerError: the address cannot be had; the message says who has it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise RunnerError(f"API_HOST is {host!r}, which is not an address of this machine") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except PermissionError:
        listener.close()
        raise RunnerError(f"port {port} may not be used by this user: set PORT") from None
    except OSError as error:
        listener.close()
        raise RunnerError(describe_port_conflict(host, port, error)) from None
    return listener


def build_base_url(host: str, port: int) -> str:
    """The base URL of an address that a client on this machine can use."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def describe_port_conflict(host: str, port: int, error: OSError) -> str:
    """Who has the port, in one line."""
    owner = _find_pointsman_at(build_base_url(host, port))
    if owner:
        return (
            f"port {port} is taken by another Pointsman (pid {owner.get('pid')}, in {owner.get('root')}):"
            " stop it or set PORT"
        )
    program = _find_listening_process(port)
    if program:
        return f"port {port} is taken by {program}: stop it or set PORT"
    return f"port {port} on {host} cannot be used ({error.strerror or error}): set PORT"


def _find_pointsman_at(url: str) -> dict[str, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/_local/status", timeout=2) as response:
            if not str(response.headers.get("Server", "")).startswith("pointsman-local"):
                return {}
            return cast("dict[str, Any]", json.loads(response.read())["pointsman"])
    except (OSError, ValueError, KeyError):
        return {}


def _find_listening_process(port: int) -> str | None:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid:
                    return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
                return "another program"
    return None

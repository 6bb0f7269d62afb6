"""The listening address of the gateway: binding its port, its base URL, and who has the port if it is taken."""

import contextlib
import json
import socket
from typing import Any, cast

import psutil

from local.errors import RunnerError
from local.loopback_http import open_loopback

_MAX_STATUS_BYTES = 4 * 1024 * 1024
"""What is read of the status of whichever program has the port."""


def bind_listener(host: str, port: int) -> socket.socket:
    """Bind a socket without listening, so that connections are refused until the stack is ready.

    Args:
        host: Address or name of this machine.
        port: TCP port; 0 takes a free one.

    Raises:
        RunnerError: The address cannot be bound; the message names the program that has the port.
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
    """Build the base URL under which a client on this machine reaches a listening address."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def describe_port_conflict(host: str, port: int, error: OSError) -> str:
    """Describe in one line why a port could not be bound or listened on, and who has it.

    Args:
        host: Address that was to be bound.
        port: Its port.
        error: What bind or listen raised.
    """
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
    try:
        with open_loopback(f"{url}/_local/status", timeout=2) as response:
            if not str(response.headers.get("Server", "")).startswith("pointsman-local"):
                return {}
            return cast("dict[str, Any]", json.loads(response.read(_MAX_STATUS_BYTES))["pointsman"])
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

"""Relays between containers and the servers of this machine, which listen on loopback only.

On Linux a container on Docker's bridge reaches this machine at the bridge's address, but not its loopback, and
`sam local` starts its containers nowhere else: `--docker-network host` has no effect on them.
"""

import asyncio
import contextlib
import json
import socket
import subprocess
from collections.abc import Mapping
from ipaddress import IPv4Interface, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from local.errors import RunnerError
from local.json_values import list_or_empty, mapping_or_empty

_CHUNK_BYTES = 65536
_DOCKER_TIMEOUT = 15.0
"""Seconds that the Docker daemon may take to describe its bridge."""

_DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432}


def find_bridge() -> IPv4Interface:
    """Ask Docker for the address of its default bridge, and for the bridge's network.

    Raises:
        RunnerError: There is no Docker daemon, or its bridge has no IPv4 network.
    """
    command = ["docker", "network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_DOCKER_TIMEOUT, check=True)
    except FileNotFoundError:
        raise RunnerError("`sam local` needs Docker, and there is no `docker` on PATH: install Docker Engine") from None
    except subprocess.TimeoutExpired:
        raise RunnerError(f"the Docker daemon has not answered for {_DOCKER_TIMEOUT:.0f} s: restart it") from None
    except subprocess.CalledProcessError as error:
        reason = " ".join(str(error.stderr).split())
        raise RunnerError(f"`sam local` needs a Docker daemon; start it, or set DOCKER_HOST: {reason}") from None
    for item in list_or_empty(json.loads(result.stdout)):
        config: Mapping[str, Any] = mapping_or_empty(item)
        network = ip_network(str(config.get("Subnet")))
        if network.version == 4:
            # Docker takes the first address if the configuration does not name one.
            gateway = config.get("Gateway") or next(network.hosts())
            return IPv4Interface(f"{gateway}/{network.prefixlen}")
    raise RunnerError("Docker's bridge has no IPv4 network: name the address that containers reach with --bridge")


class Relay:
    """Listeners on the bridge's address, one for each server on loopback.

    Only the bridge's own network and this machine may connect: Linux would also accept a packet for the bridge's
    address that comes in from another network.

    Args:
        bridge: Address of this machine on the bridge, with the bridge's network.
    """

    def __init__(self, bridge: IPv4Interface) -> None:
        self._bridge = bridge
        self._listeners: dict[tuple[str, int], asyncio.Server] = {}
        self._connections: set[asyncio.Task[None]] = set()

    async def relay_url(self, text: str) -> str:
        """Return a URL for containers, relaying to the server if the URL's host is loopback.

        Args:
            text: Any value; one that is not the URL of a server on loopback is returned unchanged.

        Raises:
            RunnerError: The bridge's address is not one of this machine.
        """
        target = _parse_loopback_target(text)
        if target is None:
            return text
        if target not in self._listeners:
            self._listeners[target] = await self._listen(target)
        port = self._listeners[target].sockets[0].getsockname()[1]
        parts = urlsplit(text)
        userinfo, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{userinfo}{at}{self._bridge.ip}:{port}").geturl()

    async def close(self) -> None:
        """Close the listeners and end all connections."""
        for listener in self._listeners.values():
            listener.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _listen(self, target: tuple[str, int]) -> asyncio.Server:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._relay_connection(target, reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        try:
            return await asyncio.start_server(accept, str(self._bridge.ip), 0)
        except OSError as error:
            raise RunnerError(
                f"{self._bridge.ip}, where containers reach this machine, is not an address of it ({error.strerror}):"
                " with Docker Desktop or a rootless daemon the bridge is elsewhere; use Docker Engine on Linux, or name"
                " another address with --bridge"
            ) from None

    async def _relay_connection(
        self, target: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            peer = str(writer.get_extra_info("peername")[0])
            if ip_address(peer) not in self._bridge.network and not _is_own_address(peer):
                return
            server_reader, server_writer = await asyncio.open_connection(*target)
            with contextlib.closing(server_writer):
                await asyncio.gather(_copy(reader, server_writer), _copy(server_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()


def _is_own_address(address: str) -> bool:
    """Return whether an address is this machine's. Behind Docker's NAT the machine itself comes from any of them."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _parse_loopback_target(text: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(text)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or port is None:
        return None
    try:
        is_loopback = parts.hostname == "localhost" or ip_address(parts.hostname).is_loopback
    except ValueError:
        return None
    return (parts.hostname, port) if is_loopback else None

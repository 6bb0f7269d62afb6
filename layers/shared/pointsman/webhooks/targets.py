"""Targets of webhooks: which addresses may be registered, and which IP addresses may be connected to.

A name is resolved when a message is sent, every address that it has is checked, and the connection is made to one of
these: an answer of the resolver that changes between check and connection has no effect.
"""

import re
import socket
import threading
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from .. import deadlines

__all__ = ["MAX_URL_CHARS", "URL_RULE", "TargetRefused", "check_url", "is_public", "resolve_public"]

MAX_URL_CHARS = 2048

_PORTS = (443, 8443)
URL_RULE = (
    f"must be an https address of at most {MAX_URL_CHARS} visible ASCII characters, with a public host, the port"
    f" {' or '.join(map(str, _PORTS))}, and neither user, password nor fragment"
)
"""What the address of a webhook must be."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?([/?][!-~]*)?", re.IGNORECASE
)
_NAME = re.compile(r"([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
"""A name whose last label begins with a letter: 127.1, 2130706433 and 0x7f.1 are forms of addresses, not names."""
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")
_LOOPBACK_HOSTS = ("127.0.0.1", "[::1]", "localhost")

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")  # IANA, special-purpose
)
"""Besides what Python's own table has, which differs between its versions: special addresses, Teredo and 6to4."""

_RESOLVE_SECONDS = 5.0


class TargetRefused(Exception):
    """The target may not be connected to, or has no address. The text is for the webhook's owner."""


def check_url(url: str, *, allows_loopback: bool) -> str:
    """Return the address of a webhook if it may be registered.

    Args:
        url: the address.
        allows_loopback: whether loopback is allowed, over http too and with any port.

    Raises:
        ValueError: it may not; the message is `URL_RULE`.
    """
    match = _URL.fullmatch(url)
    if match is None or len(url) > MAX_URL_CHARS or "#" in url or "\\" in url:
        raise ValueError(URL_RULE)
    host, port = match["host"].lower(), int(match["port"] or 443)
    if allows_loopback and host in _LOOPBACK_HOSTS and 0 < port < 65536:
        return url
    if match["scheme"].lower() != "https" or port not in _PORTS or not _is_public_host(host):
        raise ValueError(URL_RULE)
    return url


def _is_public_host(host: str) -> bool:
    try:
        return is_public(host.strip("[]"))
    except ValueError:
        return len(host) <= 253 and _NAME.fullmatch(host) is not None and not host.endswith(_LOCAL_SUFFIXES)


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet. Raises ValueError if the text is none."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        embedded = parsed.ipv4_mapped
        if parsed in _NAT64:
            embedded = IPv4Address(int(parsed) & 0xFFFFFFFF)
        if embedded is None:
            return parsed in _GLOBAL_UNICAST and parsed.is_global and not _is_special(parsed)
        parsed = embedded
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved and not _is_special(parsed)


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    return any(network.version == address.version and address in network for network in _NOT_PUBLIC)


def resolve_public(host: str, port: int, *, allows_loopback: bool) -> list[str]:
    """Resolve a host to its addresses, each of which may be connected to.

    Args:
        host: a name, or an address.
        port: the port.
        allows_loopback: whether loopback is allowed besides.

    Raises:
        TargetRefused: it has no address, one that is not public, or the resolver does not answer in 5 seconds.
    """
    addresses = _resolve(host, port)
    if not addresses:
        raise TargetRefused("The name of the target does not resolve to an address")
    for address in addresses:
        if not is_public(address) and not (allows_loopback and ip_address(address).is_loopback):
            raise TargetRefused("The target has an address inside a private network, which is never connected to")
    return addresses


def _resolve(host: str, port: int) -> list[str]:
    """Resolve in a thread of its own, because the resolver takes no timeout."""
    found: list[str] = []

    def resolve() -> None:
        try:
            found.extend(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            return

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(min(_RESOLVE_SECONDS, deadlines.seconds_left()))
    return [] if thread.is_alive() else list(dict.fromkeys(found))

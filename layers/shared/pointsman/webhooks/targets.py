"""Targets of webhooks: which addresses may be registered, and which IP addresses may be connected to.

A name is resolved when a message is sent, every address that it has is checked, and the connection is made to one of
these: an answer of the resolver that changes between check and connection has no effect.
"""

import re
import socket
import threading
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from .. import deadlines

__all__ = ["MAX_URL_CHARS", "URL_PATTERN", "URL_RULE", "TargetRefused", "check_url", "is_public", "resolve_public"]

MAX_URL_CHARS = 2048

URL_RULE = (
    f"must be an https address of at most {MAX_URL_CHARS} visible ASCII characters, with a host's public name, the port"
    " 443 or 8443, and neither user, password nor fragment"
)
"""What the address of a webhook must be."""

_LABEL = "[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?"
_LOCAL_NAMES = "localhost|local|internal|localdomain|home[.]arpa"
URL_PATTERN = (
    rf"^https://(?![^/?:]*[.]({_LOCAL_NAMES})([/?:]|$))({_LABEL}[.]){{1,8}}[a-zA-Z][a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9]"
    r"(:(443|8443))?([/?][!-\x22$-\x5b\x5d-~]*)?$"
)
"""The same as a regular expression. The last label begins with a letter: 127.1 and 0x7f.1 are addresses, not names."""
_LOOPBACK_PATTERN = r"https?://(127[.]0[.]0[.]1|\[::1\]|localhost)(:[1-9][0-9]{0,4})?([/?][!-~]*)?"

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
    # `lower` makes ASCII of some other characters, and `$` matches before a newline too.
    is_allowed = url.isascii() and re.match(URL_PATTERN, url.lower()) is not None and not url.endswith("\n")
    is_loopback = allows_loopback and re.fullmatch(_LOOPBACK_PATTERN, url) is not None
    if len(url) > MAX_URL_CHARS or not (is_allowed or is_loopback):
        raise ValueError(URL_RULE)
    return url


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

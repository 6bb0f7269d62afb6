"""The public keys of the token issuer (JWK Set, RFC 7517), fetched by HTTP and cached in the Lambda sandbox.

PyJWT's own client fetches for each token while the issuer fails, drops its cached keys then, reads responses of any
size, and ignores keys without an id. So this module fetches, and PyJWT only parses single keys.
"""

import json
import time
from collections.abc import Callable
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import socket
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from .. import deadlines, log
from ..socket_reader import open_reader

__all__ = [
    "EXPIRE_AFTER",
    "MIN_FETCH_INTERVAL",
    "MIN_FETCH_INTERVAL_WITHOUT_KEYS",
    "REFRESH_AFTER",
    "Jwks",
    "JwksCache",
    "get_jwks_cache",
]

REFRESH_AFTER = 600.0
"""Seconds after which keys are fetched again. For so long a key is accepted that the issuer has withdrawn."""
EXPIRE_AFTER = 3600.0
"""Seconds after which keys are discarded if they could not be fetched again."""
MIN_FETCH_INTERVAL = 5.0
"""The least number of seconds between two fetches: so long a new key may be unknown, and tokens with invented key ids
cause no more fetches than that."""
MIN_FETCH_INTERVAL_WITHOUT_KEYS = 1.0
"""The same while there are no keys."""

_TIMEOUT = 3.0
"""Seconds for connecting, and for the whole response."""
_MAX_RESPONSE_BYTES = 128 * 1024

Jwks = tuple[dict[str, Any], ...]
"""The keys of a JWK Set."""


class JwksCache:
    """The cached keys of one address.

    Args:
        url: An https address, or an http address of the loopback interface.
        clock: The wall clock, in seconds. A monotonic clock may stop while the sandbox is frozen.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._clock = clock
        self._keys: Jwks | None = None
        self._fetched_at = self._attempted_at = float("-inf")
        self.last_fetch_failed = False
        """Whether the last fetch failed."""

    def get_keys(self) -> Jwks | None:
        """Return the keys, fetched again if they are old; None if there are none, or they have expired."""
        if self._clock() - self._fetched_at > REFRESH_AFTER:
            self._fetch_if_due()
        if self._clock() - self._fetched_at > EXPIRE_AFTER:
            self._keys = None
        return self._keys

    def refresh(self) -> Jwks | None:
        """Fetch the keys again, for a token that no cached key verifies.

        Returns:
            The new keys; None if the fetch failed, or the last one is too recent.
        """
        before = self._fetched_at
        self._fetch_if_due()
        return self._keys if self._fetched_at != before else None

    def _fetch_if_due(self) -> None:
        if self._clock() - self._attempted_at < (
            MIN_FETCH_INTERVAL_WITHOUT_KEYS if self._keys is None else MIN_FETCH_INTERVAL
        ):
            return
        keys, problem = _fetch(self._url)
        self._attempted_at = self._clock()
        self.last_fetch_failed = keys is None
        if keys is None:
            log.write("warning", "the keys of the token issuer could not be fetched", reason=problem)
        else:
            self._keys, self._fetched_at = keys, self._attempted_at


@cache
def get_jwks_cache(url: str) -> JwksCache:
    """Return the cache of this address, one per sandbox."""
    return JwksCache(url)


class _NoRedirect(HTTPRedirectHandler):
    """A handler that follows no redirect: the target was not configured, and might not be https."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Return no request, so that the redirect is raised as an HTTPError."""


class _Response(HTTPResponse):
    """A response that is read in time, head and body together; a socket's own timeout is of a single read."""

    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp, _ = open_reader(sock, time.monotonic() + min(_TIMEOUT, deadlines.seconds_left_to_record()))


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _Handler(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_Connection, req)


class _TlsHandler(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_TlsConnection, req)


def _fetch(url: str) -> tuple[Jwks | None, str]:
    """Return the keys, or None and the reason."""
    # Plain http is the loopback interface: a proxy of the environment must not be used.
    proxies = [ProxyHandler({})] if url.startswith("http:") else []
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "pointsman"})  # noqa: S310 - settings
    try:
        with build_opener(_NoRedirect, _Handler, _TlsHandler, *proxies).open(request, timeout=_TIMEOUT) as response:
            body = response.read(_MAX_RESPONSE_BYTES + 1)
    except HTTPError as error:
        error.close()
        return None, f"HTTP status {error.code}"
    except (OSError, HTTPException) as error:
        return None, type(error).__name__
    if len(body) > _MAX_RESPONSE_BYTES:
        return None, "the response is too large"
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None, "the response is not JSON"
    entries: object = cast("dict[str, object]", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return None, "the response is not a JWK Set"
    return tuple(cast("dict[str, Any]", key) for key in cast("list[object]", entries) if isinstance(key, dict)), ""

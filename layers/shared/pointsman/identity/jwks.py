"""The public keys of the issuer of tokens, fetched by HTTP and kept in the sandbox.

PyJWT's own client asks again at each token while the issuer fails, forgets what it has, takes an answer of any size
and keys with an id only; so this does the fetching, and PyJWT the keys.
"""

import json
import time
from collections.abc import Callable
from functools import cache
from http.client import HTTPException
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from .. import log

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
"""Seconds after which keys are fetched anew: so long does one work that the issuer has taken out."""
EXPIRE_AFTER = 3600.0
"""Seconds after which keys are no longer trusted that could not be fetched anew."""
MIN_FETCH_INTERVAL = 5.0
"""Seconds between two fetches: so long may a new key be unknown, and so seldom does a token with an invented one cost a
fetch."""
MIN_FETCH_INTERVAL_WITHOUT_KEYS = 1.0

_TIMEOUT = 3.0
_MAX_RESPONSE_BYTES = 128 * 1024

Jwks = tuple[dict[str, Any], ...]


class JwksCache:
    """The keys at one address.

    Args:
        url: https, or http on this machine itself.
        now: the wall clock, in seconds; a sandbox's monotonic one may stand still while the sandbox is frozen.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._clock = clock
        self._keys: Jwks | None = None
        self._fetched_at = self._attempted_at = float("-inf")
        self.last_fetch_failed = False
        """Whether the last fetch brought nothing."""

    def get_keys(self) -> Jwks | None:
        """The keys as JWKs, fetched where they are old; None where there are none to trust."""
        if self._clock() - self._fetched_at > REFRESH_AFTER:
            self._fetch_if_due()
        if self._clock() - self._fetched_at > EXPIRE_AFTER:
            self._keys = None
        return self._keys

    def refresh(self) -> Jwks | None:
        """Newer keys, for a token that none of the current ones signed; None where it is too early to ask."""
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
            log.write("warning", "the keys of the tokens' issuer could not be fetched", reason=problem)
        else:
            self._keys, self._fetched_at = keys, self._attempted_at


@cache
def get_jwks_cache(url: str) -> JwksCache:
    """The sandbox's keys from there."""
    return JwksCache(url)


class _NoRedirect(HTTPRedirectHandler):
    """Another address is another's word, and need not be https."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


def _fetch(url: str) -> tuple[Jwks | None, str]:
    """The keys, or why there are none."""
    # Plain http is this machine itself: no proxy stands between.
    handlers = [ProxyHandler({})] if url.startswith("http:") else []
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "pointsman"})  # noqa: S310 - settings
    try:
        with build_opener(_NoRedirect, *handlers).open(request, timeout=_TIMEOUT) as response:
            body = _read_body(response)
    except HTTPError as error:
        error.close()
        return None, f"HTTP status {error.code}"
    except (OSError, HTTPException) as error:
        return None, type(error).__name__
    if len(body) > _MAX_RESPONSE_BYTES:
        return None, "the answer is too large"
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None, "the answer is not JSON"
    entries: object = cast("dict[str, object]", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return None, "the answer is not a JWK Set"
    return tuple(cast("dict[str, Any]", key) for key in cast("list[object]", entries) if isinstance(key, dict)), ""


def _read_body(response: Any) -> bytes:
    """At most a little over the limit. The socket's own timeout is for each piece, so the whole has a deadline too."""
    body, deadline = b"", time.monotonic() + _TIMEOUT
    while len(body) <= _MAX_RESPONSE_BYTES and (chunk := response.read1(_MAX_RESPONSE_BYTES)):
        body += chunk
        if time.monotonic() > deadline:
            raise TimeoutError
    return body

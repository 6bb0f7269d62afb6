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

__all__ = ["FORGET", "LIFE", "PAUSE", "PAUSE_WITHOUT_KEYS", "KeySet", "Keys", "keys_at"]

LIFE = 600.0
"""Seconds after which keys are fetched anew: so long does one work that the issuer has taken out."""
FORGET = 3600.0
"""Seconds after which keys are no longer trusted that could not be fetched anew."""
PAUSE = 5.0
"""Seconds between two fetches: so long may a new key be unknown, and so seldom does a token with an invented one cost a
fetch."""
PAUSE_WITHOUT_KEYS = 1.0

_TIMEOUT = 3.0
_MOST_BYTES = 128 * 1024

Keys = tuple[dict[str, Any], ...]


class KeySet:
    """The keys at one address.

    Args:
        url: https, or http on this machine itself.
        now: the wall clock, in seconds; a sandbox's monotonic one may stand still while the sandbox is frozen.
    """

    def __init__(self, url: str, now: Callable[[], float] = time.time) -> None:
        self._url = url
        self._now = now
        self._keys: Keys | None = None
        self._fetched = self._asked = float("-inf")
        self.failing = False
        """Whether the last fetch brought nothing."""

    def current(self) -> Keys | None:
        """The keys as JWKs, fetched where they are old; None where there are none to trust."""
        if self._now() - self._fetched > LIFE:
            self._ask()
        if self._now() - self._fetched > FORGET:
            self._keys = None
        return self._keys

    def renewed(self) -> Keys | None:
        """Newer keys, for a token that none of the current ones signed; None where it is too early to ask."""
        before = self._fetched
        self._ask()
        return self._keys if self._fetched != before else None

    def _ask(self) -> None:
        if self._now() - self._asked < (PAUSE_WITHOUT_KEYS if self._keys is None else PAUSE):
            return
        found, problem = _fetch(self._url)
        self._asked = self._now()
        self.failing = found is None
        if found is None:
            log.say("warning", "the keys of the tokens' issuer could not be fetched", reason=problem)
        else:
            self._keys, self._fetched = found, self._asked


@cache
def keys_at(url: str) -> KeySet:
    """The sandbox's keys from there."""
    return KeySet(url)


class _NoRedirect(HTTPRedirectHandler):
    """Another address is another's word, and need not be https."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


def _fetch(url: str) -> tuple[Keys | None, str]:
    """The keys, or why there are none."""
    # Plain http is this machine itself: no proxy stands between.
    handlers = [ProxyHandler({})] if url.startswith("http:") else []
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "pointsman"})  # noqa: S310 - settings
    try:
        with build_opener(_NoRedirect, *handlers).open(request, timeout=_TIMEOUT) as answer:
            body = _body(answer)
    except HTTPError as error:
        error.close()
        return None, f"HTTP status {error.code}"
    except (OSError, HTTPException) as error:
        return None, type(error).__name__
    if len(body) > _MOST_BYTES:
        return None, "the answer is too large"
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None, "the answer is not JSON"
    listed: object = cast("dict[str, object]", told).get("keys") if isinstance(told, dict) else None
    if not isinstance(listed, list):
        return None, "the answer is not a JWK Set"
    return tuple(cast("dict[str, Any]", key) for key in cast("list[object]", listed) if isinstance(key, dict)), ""


def _body(answer: Any) -> bytes:
    """At most a little over the limit. The socket's own timeout is for each piece, so the whole has a deadline too."""
    body, deadline = b"", time.monotonic() + _TIMEOUT
    while len(body) <= _MOST_BYTES and (piece := answer.read1(_MOST_BYTES)):
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError
    return body

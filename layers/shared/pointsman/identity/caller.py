"""From an authorizer's event to the caller, in the way that AGENT_AUTH says."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..settings.agent_auth import agent_api_key, agent_auth

__all__ = ["UNAVAILABLE", "Caller", "caller", "is_user_id"]

UNAVAILABLE = "unavailable"
"""The problem of a caller who cannot be told now: the issuer's keys could not be fetched."""

_LONGEST = 256
_MALFORMED = f"X-User-Id must be given once, with 1 to {_LONGEST} visible ASCII characters and no comma"


class Caller(NamedTuple):
    """Who it is, or why that is not known. An empty `user` is nobody; `problem` is safe to show."""

    user: str
    problem: str = ""


def caller(event: Mapping[str, Any]) -> Caller:
    """Who sends the request of an authorizer's event, of payload format 1.0 or 2.0. Raises MissingSetting."""
    mode = agent_auth()
    if mode == "jwt":
        return _by_token(event)
    if mode == "api_key" and not _has_key(event):
        return Caller("", "Invalid or missing API key")
    return _by_header(event)


def is_user_id(text: str) -> bool:
    """Whether it is 1 to 256 visible ASCII characters."""
    return 1 <= len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text


def _by_header(event: Mapping[str, Any]) -> Caller:
    given = _given(event, "x-user-id")
    if not given:
        return Caller("", "X-User-Id is missing")
    # A comma is how an HTTP API joins a header that came twice: whose request would it be?
    if len(given) > 1 or "," in given[0] or not is_user_id(given[0]):
        return Caller("", _MALFORMED)
    return Caller(given[0])


def _has_key(event: Mapping[str, Any]) -> bool:
    from hmac import compare_digest

    return compare_digest(_bearer(event).encode(errors="surrogatepass"), agent_api_key().encode())


def _by_token(event: Mapping[str, Any]) -> Caller:
    from ..settings.jwt import JwtSettings
    from .jwks import keys_at
    from .tokens import holder

    settings = JwtSettings.load()
    token = _bearer(event)
    if not token:
        return Caller("", "The bearer token is missing")
    found = holder(token, settings, keys_at(settings.jwks_url))
    given = _given(event, "x-user-id")
    if found.user and given and given != [found.user]:
        return Caller("", "X-User-Id differs from the token's subject")
    return found


def _bearer(event: Mapping[str, Any]) -> str:
    """The credential of the Authorization header; empty where there is none, or more than one."""
    given = _given(event, "authorization")
    if len(given) != 1:
        return ""
    scheme, _, credential = given[0].partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


def _given(event: Mapping[str, Any], name: str) -> list[str]:
    """All values of a header. A REST API leaves names in the client's case and tells repeated headers apart."""
    single: Mapping[str, str] = event.get("headers") or {}
    several: Mapping[str, list[str]] = event.get("multiValueHeaders") or {key: [single[key]] for key in single}
    return [value.strip() for key, values in several.items() if key.lower() == name for value in values]

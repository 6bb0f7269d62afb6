"""Whose a bearer token is: its signature and its claims, checked by PyJWT."""

from typing import Any

import jwt

from ..settings.jwt import JwtSettings
from .caller import UNAVAILABLE, Caller, is_user_id
from .jwks import Keys, KeySet

__all__ = ["ALGORITHMS", "holder"]

_KINDS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
ALGORITHMS = tuple(algorithm for algorithms in _KINDS.values() for algorithm in algorithms)
"""With a public key only: who can check a token cannot make one."""

_LEEWAY = 30
"""Seconds that the issuer's clock may differ from ours."""

_OPTIONS: Any = {"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True}

_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidIssuerError, "another issuer made it"),
    (jwt.InvalidAudienceError, "it is for another audience"),
    (jwt.MissingRequiredClaimError, "one of its claims exp, iss, aud, sub is missing"),
    (jwt.PyJWTError, "it is malformed"),
)


def holder(token: str, settings: JwtSettings, keys: KeySet) -> Caller:
    """The token's subject, or why it is nobody's.

    Keys come from the set only, whatever the token says about where to find one (`jku`, `jwk`, `x5u`, `x5c`).
    """
    try:
        header = jwt.get_unverified_header(token) if token.isascii() else {}
    except jwt.PyJWTError:
        header = {}
    if not header:
        return _refused("it is malformed")
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        return _refused("its algorithm is not accepted")
    known = keys.current()
    found = _by_one_of(known or (), token, algorithm, kid, settings)
    if found is None and known is not None and (newer := keys.renewed()) is not None:
        known, found = newer, _by_one_of(newer, token, algorithm, kid, settings)
    if found is not None:
        return found
    if known is None or (keys.failing and not any(_fits(key, algorithm, kid) for key in known)):
        return Caller("", UNAVAILABLE)
    return _refused("no key of its issuer signed it")


def _by_one_of(keys: Keys, token: str, algorithm: str, kid: str | None, settings: JwtSettings) -> Caller | None:
    """What the first key says that signed it; None where none did."""
    for key in keys:
        if _fits(key, algorithm, kid) and (found := _by(key, token, algorithm, settings)) is not None:
            return found
    return None


def _fits(key: dict[str, Any], algorithm: str, kid: str | None) -> bool:
    """Whether a JWK is one for this algorithm and of this id; one without an id may be any, and a published private
    key is nobody's."""
    operations = key.get("key_ops")
    return (
        algorithm in _KINDS.get(str(key.get("kty")), ())
        and key.get("alg") in (None, algorithm)
        and key.get("use") in (None, "sig")
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and (kid is None or key.get("kid") in (None, kid))
        and "d" not in key
    )


def _by(key: dict[str, Any], token: str, algorithm: str, settings: JwtSettings) -> Caller | None:
    try:
        public = jwt.PyJWK(key, algorithm)
    except Exception:  # noqa: BLE001 - whatever is wrong with a key of the set, its neighbours still count
        return None
    try:
        claims = jwt.decode(
            token, public, ALGORITHMS, _OPTIONS, audience=settings.audience, issuer=settings.issuer, leeway=_LEEWAY
        )
    except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
        return None
    except jwt.PyJWTError as error:
        return _refused(next(reason for kind, reason in _REASONS if isinstance(error, kind)))
    subject: str = claims["sub"]
    return Caller(subject) if is_user_id(subject) else _refused("its subject is not 1 to 256 visible ASCII characters")


def _refused(reason: str) -> Caller:
    return Caller("", f"The bearer token is not accepted: {reason}")

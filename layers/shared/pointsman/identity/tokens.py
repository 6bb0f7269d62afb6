"""Verification of bearer tokens (JWT): signature and claims, by PyJWT."""

from typing import Any, cast

import jwt

from ..json_values import as_object, as_text
from ..settings.jwt import JwtSettings
from ..settings.permissions import load_permission_claims, load_roles
from .jwks import Jwks, JwksCache
from .models import KEYS_UNAVAILABLE, MAX_USER_ID_LENGTH, Caller, is_user_id
from .permissions import resolve_roles

__all__ = ["verify_token"]

_ALGORITHMS_BY_KEY_TYPE = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
_ALGORITHMS = tuple(algorithm for algorithms in _ALGORITHMS_BY_KEY_TYPE.values() for algorithm in algorithms)
"""Asymmetric algorithms only: with a public key nobody can sign a token."""

_LEEWAY = 30
"""Seconds by which the issuer's clock may differ from ours."""

_INVALID_SUBJECT = f"its subject is not 1 to {MAX_USER_ID_LENGTH} visible ASCII characters"

_DECODE_OPTIONS: Any = {"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True}

_REJECTION_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidIssuerError, "another issuer made it"),
    (jwt.InvalidAudienceError, "it is for another audience"),
    (jwt.MissingRequiredClaimError, "one of its claims exp, iss, aud, sub is missing"),
    (jwt.PyJWTError, "it is malformed"),
)


def verify_token(token: str, settings: JwtSettings, jwks_cache: JwksCache) -> Caller:
    """Verify a token's signature, issuer, audience and times, and return its subject or the problem.

    Only keys of the issuer's set are used, whatever the token says about its key (`jku`, `jwk`, `x5u`, `x5c`). If none
    of the cached keys verifies it, the keys are fetched again, as the issuer may have rotated them.
    """
    try:
        header = jwt.get_unverified_header(token) if token.isascii() else {}
    except jwt.PyJWTError:
        header = {}
    if not header:
        return _reject("it is malformed")
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in _ALGORITHMS:
        return _reject("its algorithm is not accepted")
    cached_keys = jwks_cache.get_keys()
    caller = _verify_with_any(cached_keys or (), token, algorithm, kid, settings)
    if caller is None and cached_keys is not None and (refreshed_keys := jwks_cache.refresh()) is not None:
        cached_keys, caller = refreshed_keys, _verify_with_any(refreshed_keys, token, algorithm, kid, settings)
    if caller is not None:
        return caller
    if cached_keys is None or (
        jwks_cache.last_fetch_failed and not any(_is_usable_key(key, algorithm, kid) for key in cached_keys)
    ):
        return Caller("", KEYS_UNAVAILABLE)
    return _reject("no key of its issuer signed it")


def _verify_with_any(keys: Jwks, token: str, algorithm: str, kid: str | None, settings: JwtSettings) -> Caller | None:
    """Return the result of the first key whose signature is valid; None if there is none."""
    for key in keys:
        if (
            _is_usable_key(key, algorithm, kid)
            and (caller := _verify_with_key(key, token, algorithm, settings)) is not None
        ):
            return caller
    return None


def _is_usable_key(key: dict[str, Any], algorithm: str, kid: str | None) -> bool:
    """Return whether a JWK is for this algorithm and has this id.

    A key without an id matches any; a private key that was published is never used.
    """
    operations = key.get("key_ops")
    return (
        algorithm in _ALGORITHMS_BY_KEY_TYPE.get(str(key.get("kty")), ())
        and key.get("alg") in (None, algorithm)
        and key.get("use") in (None, "sig")
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and (kid is None or key.get("kid") in (None, kid))
        and "d" not in key
    )


def _verify_with_key(key: dict[str, Any], token: str, algorithm: str, settings: JwtSettings) -> Caller | None:
    try:
        public = jwt.PyJWK(key, algorithm)
    except Exception:  # noqa: BLE001 - a broken key in the set must not disable the others
        return None
    try:
        claims = jwt.decode(
            token,
            public,
            _ALGORITHMS,
            _DECODE_OPTIONS,
            audience=settings.audience,
            issuer=settings.issuer,
            leeway=_LEEWAY,
        )
    except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
        return None
    except jwt.PyJWTError as error:
        return _reject(next(reason for kind, reason in _REJECTION_REASONS if isinstance(error, kind)))
    subject: str = claims["sub"]
    if not is_user_id(subject):
        return _reject(_INVALID_SUBJECT)
    names = [name for path in load_permission_claims() for name in _list_names(claims, path)]
    return Caller(subject, permissions=resolve_roles(names, load_roles()))


def _list_names(claims: dict[str, Any], path: str) -> list[str]:
    """Return the permissions or roles in a claim: a text with blanks between them, or a list of texts."""
    value: object = claims.get(path)
    if value is None:
        value = claims
        for key in path.split("."):
            value = as_object(value).get(key)
    if isinstance(value, str):
        return value.split()
    return [as_text(name) for name in cast("list[object]", value)] if isinstance(value, list) else []


def _reject(reason: str) -> Caller:
    return Caller("", f"The bearer token is not accepted: {reason}")

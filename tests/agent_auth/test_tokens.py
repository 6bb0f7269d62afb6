"""Tokens: which are accepted, and every known way to forge or misuse one."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.warnings import InsecureKeyLengthWarning

from .conftest import Authorize
from .token_issuer import Issuer, Key, encode_token_part, make_claims, run_issuer

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
USER = {"user": "user-1", "problem": ""}


def is_refused(result: dict[str, str], reason: str) -> bool:
    return result == {"user": "", "problem": f"The bearer token is not accepted: {reason}"}


def resolve_times(changes: dict) -> dict:
    """Add the current time to integer values, which are seconds from now."""
    now = int(time.time())
    return {name: now + value if isinstance(value, int) else value for name, value in changes.items()}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("named", [True, False])
def test_token_of_the_issuer_identifies_the_user(
    authorize_token: Authorize, issuer: Issuer, algorithm: str, named: bool
) -> None:
    key = Key(algorithm)
    issuer.keys = [key.public_jwk() if named else key.public_jwk(alg=None, use=None)]
    assert authorize_token(key.sign_token()) == USER


@pytest.mark.parametrize("changes", [
    {"aud": ["another", "pointsman"]}, {"iat": None}, {"nbf": -5}, {"nbf": 20},
    {"exp": -20}, {"jti": "j", "scope": "any", "azp": "app"},
])  # fmt: skip
def test_token_within_its_time_and_audience_is_accepted(authorize_token: Authorize, changes: dict) -> None:
    assert authorize_token(Key("RS256").sign_token(**resolve_times(changes))) == USER


@pytest.mark.parametrize(("changes", "reason"), [
    ({"iss": "https://issuer.example"}, "another issuer made it"),
    ({"aud": "pointsman2"}, "it is for another audience"),
    ({"aud": ["a", "b"]}, "it is for another audience"),
    ({"aud": {"pointsman": 1}}, "it is for another audience"),
    ({"exp": -40}, "it has expired"),
    ({"exp": "soon"}, "it is malformed"),
    ({"nbf": 60}, "it is not valid yet"),
    ({"iat": 60}, "it is not valid yet"),
    ({"sub": ""}, "its subject is not 1 to 256 visible ASCII characters"),
    ({"sub": "x" * 257}, "its subject is not 1 to 256 visible ASCII characters"),
    ({"sub": "two words"}, "its subject is not 1 to 256 visible ASCII characters"),
    ({"sub": "line\nbreak"}, "its subject is not 1 to 256 visible ASCII characters"),
    ({"sub": "jörg"}, "its subject is not 1 to 256 visible ASCII characters"),
])  # fmt: skip
def test_invalid_claims_are_rejected(authorize_token: Authorize, changes: dict, reason: str) -> None:
    assert is_refused(authorize_token(Key("RS256").sign_token(**resolve_times(changes))), reason)


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "sub"])
def test_missing_claims_are_rejected(authorize_token: Authorize, claim: str) -> None:
    assert is_refused(
        authorize_token(Key("RS256").sign_token(**{claim: None})), "one of its claims exp, iss, aud, sub is missing"
    )


@pytest.mark.parametrize(("changes", "reason"), [
    ({"sub": 7}, "it is malformed"), ({"sub": True}, "it is malformed"), ({"sub": ["user-1"]}, "it is malformed"),
    ({"sub": {"id": "user-1"}}, "it is malformed"), ({"iss": ["https://issuer.example/"]}, "another issuer made it"),
    ({"iss": {"https://issuer.example/": 1}}, "another issuer made it"), ({"exp": [9e9]}, "it is malformed"),
    ({"exp": float("nan")}, "it is malformed"), ({"exp": float("inf")}, "it is malformed"),
])  # fmt: skip
def test_claim_of_another_type_is_rejected(authorize_token: Authorize, changes: dict, reason: str) -> None:
    """No library would encode such claims."""
    token = jwt.PyJWS().encode(json.dumps(make_claims(**changes)).encode(), Key("RS256").private, "RS256")
    assert is_refused(authorize_token(token), reason)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", "HS256", "HS512", "ES256K", "RSA1_5", None, ["RS256"]]
)
def test_algorithms_without_a_public_key_are_rejected(authorize_token: Authorize, algorithm: object) -> None:
    head = encode_token_part({"typ": "JWT", "alg": algorithm, "kid": "key-1"})
    for signature in ("", "AAAA", Key("RS256").sign_token().rpartition(".")[2]):
        result = authorize_token(f"{head}.{encode_token_part(make_claims())}.{signature}")
        assert is_refused(result, "its algorithm is not accepted")


@pytest.mark.parametrize("secret", ["pem", "pem without its last line break", "n"])
def test_public_key_is_not_used_as_a_shared_secret(authorize_token: Authorize, secret: str) -> None:
    key = Key("RS256")
    known = {"pem": key.public_pem(), "n": key.public_jwk()["n"].encode()}.get(secret, key.public_pem().rstrip())
    signed = f"{encode_token_part({'typ': 'JWT', 'alg': 'HS256', 'kid': 'key-1'})}.{encode_token_part(make_claims())}"
    signature = base64.urlsafe_b64encode(hmac.digest(known, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    assert is_refused(authorize_token(f"{signed}.{signature}"), "its algorithm is not accepted")


def test_shared_secret_in_the_key_set_is_ignored(authorize_token: Authorize, issuer: Issuer) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    k = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    issuer.keys = [{"kty": "oct", "k": k, "kid": "key-1", "alg": "HS256"}, {"kty": "oct", "k": k, "kid": "key-1"}]
    token = jwt.encode(make_claims(), secret, "HS256", headers={"kid": "key-1"})
    assert is_refused(authorize_token(token), "its algorithm is not accepted")


@pytest.mark.parametrize(("published", "used"), [
    ("RS256", "PS256"), ("RS256", "RS512"), ("PS256", "RS256"),
    ("ES256", "ES384"), ("ES256", "EdDSA"), ("EdDSA", "RS256"),
])  # fmt: skip
def test_key_is_used_with_its_own_algorithm_only(
    authorize_token: Authorize, issuer: Issuer, published: str, used: str
) -> None:
    issuer.keys = [Key(published).public_jwk()]
    assert is_refused(authorize_token(Key(used).sign_token()), "no key of its issuer signed it")


def test_curve_must_match_the_algorithm(authorize_token: Authorize, issuer: Issuer) -> None:
    issuer.keys = [Key("ES256").public_jwk(alg=None), Key("ES256").public_jwk(alg="ES384")]
    assert is_refused(authorize_token(Key("ES384").sign_token()), "no key of its issuer signed it")


def test_foreign_key_of_the_same_id_is_rejected(authorize_token: Authorize) -> None:
    assert is_refused(authorize_token(Key("RS256", index=1).sign_token()), "no key of its issuer signed it")


@pytest.mark.parametrize("kid", ["key-2", "", "key-1 ", "../key-1", "' OR 1=1"])
def test_unknown_key_id_is_rejected(authorize_token: Authorize, kid: str) -> None:
    assert is_refused(authorize_token(Key("RS256").sign_token({"kid": kid})), "no key of its issuer signed it")


@pytest.mark.parametrize("kid", [7, ["key-1"], {"kid": "key-1"}])
def test_key_id_that_is_not_text_is_rejected(authorize_token: Authorize, kid: object) -> None:
    good = Key("RS256").sign_token().split(".")
    assert is_refused(
        authorize_token(f"{encode_token_part({'alg': 'RS256', 'kid': kid})}.{good[1]}.{good[2]}"), "it is malformed"
    )


def test_key_locations_in_a_token_are_ignored(authorize_token: Authorize, issuer: Issuer) -> None:
    foreign = Key("RS256", index=1)
    with run_issuer(foreign.public_jwk()) as other:
        header = {
            "jku": other.url,
            "x5u": other.url,
            "jwk": foreign.public_jwk(),
            "x5c": ["MIIB"],
            "x5t": "AA",
            "iss": other.url,
        }
        assert is_refused(authorize_token(foreign.sign_token(header)), "no key of its issuer signed it")
        assert authorize_token(Key("RS256").sign_token(header)) == USER
        assert other.requested_paths == []


def test_token_modified_after_signing_is_rejected(authorize_token: Authorize) -> None:
    head, _, signature = Key("RS256").sign_token().split(".")
    assert is_refused(
        authorize_token(f"{head}.{encode_token_part(make_claims(sub='user-2'))}.{signature}"),
        "no key of its issuer signed it",
    )


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": False, "crit": ["b64"]}])
def test_unknown_critical_header_is_rejected(authorize_token: Authorize, header: dict) -> None:
    _, body, signature = Key("RS256").sign_token().split(".")
    assert is_refused(
        authorize_token(f"{encode_token_part({'alg': 'RS256', 'kid': 'key-1', **header})}.{body}.{signature}"),
        "it is malformed",
    )


@pytest.mark.parametrize(
    "token",
    [
        "x",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b.c.d.e",
        "ü.ü.ü",
        "\ud800.a.b",
        "e30.e30.e30",
        f"{encode_token_part([])}.{encode_token_part({})}.AAAA",
        encode_token_part({"alg": "RS256"}) + ".e30",
        "x" * 9000,
        f"{encode_token_part({'alg': 'RS256'})} .e30.AAAA",
        base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=") + ".e30.AAAA",
    ],
)
def test_malformed_token_is_rejected(authorize_token: Authorize, token: str) -> None:
    assert is_refused(authorize_token(token), "it is malformed")


@pytest.mark.parametrize("payload", [b"[]", b"null", b'"user-1"', b"{", b"\xff", b"[" * 5000])
def test_malformed_claims_are_rejected(authorize_token: Authorize, payload: bytes) -> None:
    token = jwt.PyJWS().encode(payload, Key("RS256").private, "RS256", headers={"kid": "key-1"})
    assert is_refused(authorize_token(token), "it is malformed")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "{token}", "Bearer {token},Bearer {token}"]
)
def test_token_without_the_bearer_scheme_is_rejected(authorize: Authorize, issuer: Issuer, header: str) -> None:
    result = authorize(authorization=header.format(token=Key("RS256").sign_token()), x_user_id="user-1")
    assert result["user"] == ""
    assert authorize(x_user_id="user-1") == {"user": "", "problem": "The bearer token is missing"}


def test_user_id_beside_the_token_must_be_its_subject(authorize_token: Authorize) -> None:
    token = Key("RS256").sign_token()
    assert authorize_token(token, x_user_id="user-1") == USER
    for other in ("user-2", "", "USER-1", "user-1,user-2", "user-1,user-1"):
        assert authorize_token(token, x_user_id=other) == {
            "user": "",
            "problem": "X-User-Id differs from the token's subject",
        }


def test_scheme_is_case_insensitive(authorize: Authorize, issuer: Issuer) -> None:
    assert authorize(authorization=f"bEARER {Key('RS256').sign_token()}") == USER


@pytest.mark.parametrize("changes", [
    {"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"alg": "RSA-OAEP"}, {"kty": "EC"}, {"kty": None},
    {"n": "AQAB"}, {"n": 7}, {"n": None}, {"e": ""}, {"n": "ü"}, {"d": "AQAB"},
])  # fmt: skip
def test_invalid_key_or_key_of_another_use_is_ignored(
    authorize_token: Authorize, issuer: Issuer, changes: dict
) -> None:
    bad = Key("RS256").public_jwk(**changes)
    issuer.keys = [bad]
    assert is_refused(authorize_token(Key("RS256").sign_token()), "no key of its issuer signed it")


def test_broken_keys_do_not_hide_good_ones(authorize_token: Authorize, issuer: Issuer) -> None:
    good = Key("RS256").public_jwk()
    issuer.keys = ["text", None, 7, {}, {"kty": []}, {**good, "n": "x"}, {**good, "use": "enc"}, good]
    assert authorize_token(Key("RS256").sign_token()) == USER


def test_short_rsa_key_is_ignored(authorize_token: Authorize, issuer: Issuer) -> None:
    key = Key("RS256")
    key.private = rsa.generate_private_key(65537, 1024)
    issuer.keys = [key.public_jwk()]
    with pytest.warns(InsecureKeyLengthWarning):
        token = key.sign_token()
    assert is_refused(authorize_token(token), "no key of its issuer signed it")


def test_several_keys_of_one_id_are_all_tried(authorize_token: Authorize, issuer: Issuer) -> None:
    issuer.keys = [Key("RS256", index=1).public_jwk(), Key("ES256").public_jwk(), Key("RS256").public_jwk()]
    for key in (Key("RS256"), Key("RS256", index=1), Key("ES256")):
        assert authorize_token(key.sign_token()) == USER


def test_keys_and_tokens_without_an_id_match_any(authorize_token: Authorize, issuer: Issuer) -> None:
    issuer.keys = [Key("RS256", index=1).public_jwk(), Key("RS256").public_jwk(kid=None)]
    assert authorize_token(Key("RS256", kid="whatever").sign_token()) == USER
    assert authorize_token(Key("RS256", kid=None).sign_token()) == USER
    assert authorize_token(Key("RS256", kid=None, index=1).sign_token()) == USER
    assert authorize_token(Key("RS256", kid="key-2", index=1).sign_token())["user"] == ""

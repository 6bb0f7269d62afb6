"""The issuer's keys: cached, rate-limited, refreshed in time, kept during an outage, never read from elsewhere."""

import json
import socket
import time

import pytest

from pointsman.identity import jwks
from pointsman.identity.jwks import (
    EXPIRE_AFTER,
    MIN_FETCH_INTERVAL,
    MIN_FETCH_INTERVAL_WITHOUT_KEYS,
    REFRESH_AFTER,
    JwksCache,
)
from pointsman.identity.models import KEYS_UNAVAILABLE, Caller
from pointsman.identity.tokens import verify_token
from pointsman.settings.jwt import JwtSettings
from tests.harness.hostile_server import (
    Answer,
    drip_body,
    drip_head,
    endless_body,
    endless_head,
    send_body,
    serve_hostile,
)

from .conftest import Authorize
from .token_issuer import AUDIENCE, ISSUER, Issuer, Key, run_issuer

USER, UNAVAILABLE_CALLER = Caller("user-1"), Caller("", KEYS_UNAVAILABLE)
OLD, NEW = Key("RS256", "old"), Key("RS256", "new", index=1)


class KeySetHarness:
    """An issuer, a key cache, and a clock that only the test advances; tokens stay valid meanwhile."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.time = 1_000_000.0
        self.keys = JwksCache(issuer.url, lambda: self.time)
        self.settings = JwtSettings(ISSUER, AUDIENCE, issuer.url)

    def verify(self, token: str) -> Caller:
        return verify_token(token, self.settings, self.keys)

    def fail_issuer(self, status: int = 500) -> None:
        self.issuer.response_override = (status, b"down", {})


@pytest.fixture
def harness():
    with run_issuer(OLD.public_jwk()) as issuer:
        yield KeySetHarness(issuer)


def test_keys_are_fetched_once_for_many_tokens(harness: KeySetHarness) -> None:
    assert {harness.verify(OLD.sign_token()) for _ in range(20)} == {USER}
    harness.time += REFRESH_AFTER - 1
    assert harness.verify(OLD.sign_token()) == USER
    assert len(harness.issuer.requested_paths) == 1


def test_sandbox_keeps_keys_between_requests(authorize: Authorize, issuer: Issuer) -> None:
    for _ in range(5):
        assert authorize(authorization=f"Bearer {Key('RS256').sign_token()}")["user"] == "user-1"
    assert len(issuer.requested_paths) == 1


def test_new_key_is_picked_up_without_waiting_for_the_cache(harness: KeySetHarness) -> None:
    harness.verify(OLD.sign_token())
    harness.issuer.keys = [OLD.public_jwk(), NEW.public_jwk()]
    harness.time += MIN_FETCH_INTERVAL
    assert [harness.verify(key.sign_token()) for key in (NEW, OLD, NEW)] == [USER] * 3
    assert len(harness.issuer.requested_paths) == 2


def test_new_key_of_the_same_id_is_picked_up(harness: KeySetHarness) -> None:
    harness.verify(OLD.sign_token())
    successor = Key("RS256", "old", index=2)
    harness.issuer.keys = [successor.public_jwk()]
    harness.time += MIN_FETCH_INTERVAL
    assert [harness.verify(successor.sign_token()), harness.verify(OLD.sign_token()).user] == [USER, ""]


def test_new_key_without_an_id_is_picked_up(harness: KeySetHarness) -> None:
    harness.issuer.keys = [OLD.public_jwk(kid=None)]
    harness.verify(OLD.sign_token())
    harness.issuer.keys = [NEW.public_jwk(kid=None)]
    harness.time += MIN_FETCH_INTERVAL
    assert harness.verify(NEW.sign_token()) == USER


def test_removed_key_stops_working_when_the_cache_is_refreshed(harness: KeySetHarness) -> None:
    harness.verify(OLD.sign_token())
    harness.issuer.keys = [NEW.public_jwk()]
    harness.time += REFRESH_AFTER
    assert harness.verify(OLD.sign_token()) == USER
    harness.time += 1
    assert harness.verify(OLD.sign_token()).user == ""
    assert harness.verify(NEW.sign_token()) == USER


def test_issuer_that_removes_all_its_keys_has_none(harness: KeySetHarness) -> None:
    harness.verify(OLD.sign_token())
    harness.issuer.keys = []
    harness.time += REFRESH_AFTER + 1
    assert harness.verify(OLD.sign_token()).problem.endswith("no key of its issuer signed it")


def test_flood_of_unknown_key_ids_is_rate_limited(harness: KeySetHarness) -> None:
    harness.verify(OLD.sign_token())
    for number in range(40):
        assert harness.verify(OLD.sign_token({"kid": f"invented-{number}"})).user == ""
        harness.time += MIN_FETCH_INTERVAL / 20
    assert len(harness.issuer.requested_paths) <= 3


def test_flood_of_forged_signatures_is_rate_limited(harness: KeySetHarness) -> None:
    forger = Key("RS256", "old", index=1)
    for _ in range(20):
        assert harness.verify(forger.sign_token()).user == ""
    assert len(harness.issuer.requested_paths) == 1


def test_rejected_algorithms_and_malformed_tokens_fetch_nothing(harness: KeySetHarness) -> None:
    for token in ("x", "e30.e30.AAAA", "eyJhbGciOiJub25lIn0.e30."):
        assert harness.verify(token).user == ""
    assert harness.issuer.requested_paths == []


def test_flood_during_an_outage_is_rate_limited(harness: KeySetHarness) -> None:
    harness.fail_issuer()
    assert {harness.verify(OLD.sign_token()) for _ in range(50)} == {UNAVAILABLE_CALLER}
    assert len(harness.issuer.requested_paths) == 1


def test_without_keys_verification_is_unavailable_and_retried_soon(harness: KeySetHarness) -> None:
    harness.fail_issuer()
    assert harness.verify(OLD.sign_token()) == UNAVAILABLE_CALLER
    harness.issuer.response_override = None
    assert harness.verify(OLD.sign_token()) == UNAVAILABLE_CALLER
    harness.time += MIN_FETCH_INTERVAL_WITHOUT_KEYS
    assert harness.verify(OLD.sign_token()) == USER


def test_cached_keys_are_used_during_an_outage_until_they_expire(harness: KeySetHarness) -> None:
    harness.verify(OLD.sign_token())
    harness.fail_issuer()
    harness.time += REFRESH_AFTER + 1
    assert harness.verify(OLD.sign_token()) == USER
    assert harness.verify(OLD.sign_token()) == USER
    assert len(harness.issuer.requested_paths) == 2
    harness.time += EXPIRE_AFTER - REFRESH_AFTER
    assert harness.verify(OLD.sign_token()) == UNAVAILABLE_CALLER


def test_key_that_cannot_be_fetched_is_unavailable_and_not_wrong(harness: KeySetHarness) -> None:
    harness.verify(OLD.sign_token())
    harness.fail_issuer()
    harness.time += MIN_FETCH_INTERVAL
    assert harness.verify(NEW.sign_token()) == UNAVAILABLE_CALLER
    assert harness.verify(Key("RS256", "old", index=1).sign_token()).problem.endswith("no key of its issuer signed it")
    assert harness.verify(OLD.sign_token()) == USER


@pytest.mark.parametrize(("status", "body", "headers"), [
    (500, b"", {}), (503, b'{"keys": []}', {}), (404, b"no", {}), (401, b"{}", {}), (204, b"", {}), (200, b"", {}),
    (200, b"<html>", {}), (200, b"\xff\xfe", {}), (200, b"[]", {}), (200, b"null", {}), (200, b"{}", {}),
    (200, b'{"keys": {}}', {}), (200, b'{"keys": null}', {}), (200, b"[" * 100_000, {}),
    (200, b'{"keys": [' + b" " * 300_000 + b"]}", {}), (200, b'{"keys"', {"Content-Length": "1000"}),
])  # fmt: skip
def test_invalid_key_set_keeps_the_old_keys(harness: KeySetHarness, status: int, body: bytes, headers: dict) -> None:
    harness.issuer.response_override = (status, body, headers)
    assert harness.verify(OLD.sign_token()) == UNAVAILABLE_CALLER
    harness.issuer.response_override = None
    harness.time += MIN_FETCH_INTERVAL
    assert harness.verify(OLD.sign_token()) == USER
    harness.issuer.response_override = (status, body, headers)
    harness.time += REFRESH_AFTER + 1
    assert harness.verify(OLD.sign_token()) == USER


def test_redirect_is_not_followed(harness: KeySetHarness) -> None:
    with run_issuer(OLD.public_jwk()) as other:
        harness.issuer.response_override = (302, b"", {"Location": other.url})
        assert harness.verify(OLD.sign_token()) == UNAVAILABLE_CALLER
        assert other.requested_paths == []


def test_unreachable_issuer_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/keys"
    assert verify_token(OLD.sign_token(), JwtSettings(ISSUER, AUDIENCE, url), JwksCache(url)) == UNAVAILABLE_CALLER


def test_silent_issuer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/keys"
        started_at = time.monotonic()
        assert JwksCache(url).get_keys() is None
        assert 0.15 < time.monotonic() - started_at < 2


@pytest.mark.limit("token-issuer-keys")
@pytest.mark.parametrize("answer", [drip_head, drip_body, endless_head, endless_body])
def test_response_without_an_end_is_no_response(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setattr(jwks, "_TIMEOUT", 0.5)
    with serve_hostile(answer) as url:
        started_at = time.monotonic()
        assert JwksCache(url).get_keys() is None
        assert time.monotonic() - started_at < 20


@pytest.mark.limit("token-issuer-keys")
def test_keys_may_be_as_large_as_the_limit_and_no_larger() -> None:
    keys = b'{"keys": [{"kty": "oct"}]}'.ljust(jwks._MAX_RESPONSE_BYTES)
    with serve_hostile(send_body(keys)) as url:
        assert JwksCache(url).get_keys() == ({"kty": "oct"},)
    with serve_hostile(send_body(keys + b" ")) as url:
        assert JwksCache(url).get_keys() is None


def test_no_token_is_in_a_log_or_a_message(
    authorize: Authorize, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.response_override = (500, b"planted-body", {})
    tokens = [OLD.sign_token(), OLD.sign_token({"kid": "planted-kid"}), OLD.sign_token(sub="planted-subject")]
    results = [authorize(authorization=f"Bearer {token}") for token in tokens]
    assert {result["problem"] for result in results} == {KEYS_UNAVAILABLE}
    (line,) = [vars(record) for record in caplog.records]
    assert (line["levelname"], line["reason"]) == ("WARNING", "HTTP status 500")
    out = json.dumps([results, line], default=str)
    assert not any(token in out or token.split(".")[2] in out for token in tokens)
    assert "planted" not in out

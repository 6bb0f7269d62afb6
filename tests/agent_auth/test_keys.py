"""The issuer's keys: fetched seldom, renewed in time, kept while the issuer is away, and never taken from elsewhere."""

import json
import socket
import time

import pytest

from pointsman.identity import jwks
from pointsman.identity.caller import UNAVAILABLE, Caller
from pointsman.identity.jwks import FORGET, LIFE, PAUSE, PAUSE_WITHOUT_KEYS, KeySet
from pointsman.identity.tokens import holder
from pointsman.settings.jwt import JwtSettings

from .conftest import Ask
from .issuer import AUDIENCE, ISSUER, Issuer, Key, issuing

USER, AWAY = Caller("user-1"), Caller("", UNAVAILABLE)
OLD, NEW = Key("RS256", "old"), Key("RS256", "new", nth=1)


class World:
    """An issuer, a sandbox's keys, and a clock that only the test moves; tokens stay valid meanwhile."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.time = 1_000_000.0
        self.keys = KeySet(issuer.url, lambda: self.time)
        self.settings = JwtSettings(ISSUER, AUDIENCE, issuer.url)

    def holder(self, token: str) -> Caller:
        return holder(token, self.settings, self.keys)

    def away(self, status: int = 500) -> None:
        self.issuer.answer = (status, b"down", {})


@pytest.fixture
def world():
    with issuing(OLD.jwk()) as issuer:
        yield World(issuer)


def test_keys_are_fetched_once_for_many_tokens(world: World) -> None:
    assert {world.holder(OLD.token()) for _ in range(20)} == {USER}
    world.time += LIFE - 1
    assert world.holder(OLD.token()) == USER
    assert len(world.issuer.asked) == 1


def test_sandbox_keeps_keys_between_requests(ask: Ask, issuer: Issuer) -> None:
    for _ in range(5):
        assert ask(authorization=f"Bearer {Key('RS256').token()}")["user"] == "user-1"
    assert len(issuer.asked) == 1


def test_new_key_is_picked_up_without_waiting_for_the_cache(world: World) -> None:
    world.holder(OLD.token())
    world.issuer.keys = [OLD.jwk(), NEW.jwk()]
    world.time += PAUSE
    assert [world.holder(key.token()) for key in (NEW, OLD, NEW)] == [USER] * 3
    assert len(world.issuer.asked) == 2


def test_new_key_of_the_same_id_is_picked_up(world: World) -> None:
    world.holder(OLD.token())
    successor = Key("RS256", "old", nth=2)
    world.issuer.keys = [successor.jwk()]
    world.time += PAUSE
    assert [world.holder(successor.token()), world.holder(OLD.token()).user] == [USER, ""]


def test_new_key_without_an_id_is_picked_up(world: World) -> None:
    world.issuer.keys = [OLD.jwk(kid=None)]
    world.holder(OLD.token())
    world.issuer.keys = [NEW.jwk(kid=None)]
    world.time += PAUSE
    assert world.holder(NEW.token()) == USER


def test_removed_key_stops_working_when_the_cache_has_lived(world: World) -> None:
    world.holder(OLD.token())
    world.issuer.keys = [NEW.jwk()]
    world.time += LIFE
    assert world.holder(OLD.token()) == USER
    world.time += 1
    assert world.holder(OLD.token()).user == ""
    assert world.holder(NEW.token()) == USER


def test_issuer_that_takes_out_all_its_keys_has_none(world: World) -> None:
    world.holder(OLD.token())
    world.issuer.keys = []
    world.time += LIFE + 1
    assert world.holder(OLD.token()).problem.endswith("no key of its issuer signed it")


def test_flood_of_invented_key_ids_fetches_once_in_a_while(world: World) -> None:
    world.holder(OLD.token())
    for number in range(40):
        assert world.holder(OLD.token({"kid": f"invented-{number}"})).user == ""
        world.time += PAUSE / 20
    assert len(world.issuer.asked) <= 3


def test_flood_of_forged_signatures_fetches_once_in_a_while(world: World) -> None:
    forger = Key("RS256", "old", nth=1)
    for _ in range(20):
        assert world.holder(forger.token()).user == ""
    assert len(world.issuer.asked) == 1


def test_refused_algorithm_and_malformed_tokens_fetch_nothing(world: World) -> None:
    for token in ("x", "e30.e30.AAAA", "eyJhbGciOiJub25lIn0.e30."):
        assert world.holder(token).user == ""
    assert world.issuer.asked == []


def test_flood_during_an_outage_does_not_hammer_the_issuer(world: World) -> None:
    world.away()
    assert {world.holder(OLD.token()) for _ in range(50)} == {AWAY}
    assert len(world.issuer.asked) == 1


def test_without_keys_nobody_can_be_told_and_the_next_try_comes_soon(world: World) -> None:
    world.away()
    assert world.holder(OLD.token()) == AWAY
    world.issuer.answer = None
    assert world.holder(OLD.token()) == AWAY
    world.time += PAUSE_WITHOUT_KEYS
    assert world.holder(OLD.token()) == USER


def test_cached_keys_go_on_while_the_issuer_is_away_but_not_for_ever(world: World) -> None:
    world.holder(OLD.token())
    world.away()
    world.time += LIFE + 1
    assert world.holder(OLD.token()) == USER
    assert world.holder(OLD.token()) == USER
    assert len(world.issuer.asked) == 2
    world.time += FORGET - LIFE
    assert world.holder(OLD.token()) == AWAY


def test_key_that_cannot_be_looked_up_is_not_called_wrong(world: World) -> None:
    world.holder(OLD.token())
    world.away()
    world.time += PAUSE
    assert world.holder(NEW.token()) == AWAY
    assert world.holder(Key("RS256", "old", nth=1).token()).problem.endswith("no key of its issuer signed it")
    assert world.holder(OLD.token()) == USER


@pytest.mark.parametrize(("status", "body", "headers"), [
    (500, b"", {}), (503, b'{"keys": []}', {}), (404, b"no", {}), (401, b"{}", {}), (204, b"", {}), (200, b"", {}),
    (200, b"<html>", {}), (200, b"\xff\xfe", {}), (200, b"[]", {}), (200, b"null", {}), (200, b"{}", {}),
    (200, b'{"keys": {}}', {}), (200, b'{"keys": null}', {}), (200, b"[" * 100_000, {}),
    (200, b'{"keys": [' + b" " * 300_000 + b"]}", {}), (200, b'{"keys"', {"Content-Length": "1000"}),
])  # fmt: skip
def test_answer_that_is_no_key_set_leaves_the_old_keys(world: World, status: int, body: bytes, headers: dict) -> None:
    world.issuer.answer = (status, body, headers)
    assert world.holder(OLD.token()) == AWAY
    world.issuer.answer = None
    world.time += PAUSE
    assert world.holder(OLD.token()) == USER
    world.issuer.answer = (status, body, headers)
    world.time += LIFE + 1
    assert world.holder(OLD.token()) == USER


def test_redirect_is_not_followed(world: World) -> None:
    with issuing(OLD.jwk()) as other:
        world.issuer.answer = (302, b"", {"Location": other.url})
        assert world.holder(OLD.token()) == AWAY
        assert other.asked == []


def test_nobody_listening_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/keys"
    assert holder(OLD.token(), JwtSettings(ISSUER, AUDIENCE, url), KeySet(url)) == AWAY


def test_silent_issuer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/keys"
        began = time.monotonic()
        assert KeySet(url).current() is None
        assert 0.15 < time.monotonic() - began < 2


def test_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "_TIMEOUT", 0.2)

    class Dripping:
        def read1(self, most: int) -> bytes:
            time.sleep(0.01)
            return b" "

    with pytest.raises(TimeoutError):
        jwks._body(Dripping())


def test_no_token_is_in_a_log_or_a_message(ask: Ask, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    issuer.answer = (500, b"planted-body", {})
    tokens = [OLD.token(), OLD.token({"kid": "planted-kid"}), OLD.token(sub="planted-subject")]
    said = [ask(authorization=f"Bearer {token}") for token in tokens]
    assert {answer["problem"] for answer in said} == {UNAVAILABLE}
    (line,) = [vars(record) for record in caplog.records]
    assert (line["levelname"], line["reason"]) == ("WARNING", "HTTP status 500")
    out = json.dumps([said, line], default=str)
    assert not any(token in out or token.split(".")[2] in out for token in tokens)
    assert "planted" not in out

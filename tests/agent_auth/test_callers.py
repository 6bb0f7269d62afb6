"""Who is calling, by header and by key, in the events of both kinds of gateway; and settings that are wrong."""

import importlib
from typing import Any

import pytest

from pointsman.errors import MissingSetting
from pointsman.settings.agent_auth import agent_auth
from pointsman.settings.jwt import JwtSettings

from .conftest import EVENT, Ask, event

KEY = "agent-key-planted"
REST = {
    "type": "REQUEST",
    "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdefghij/live/POST/api/prompt",
    "resource": "/api/prompt",
    "path": "/api/prompt",
    "httpMethod": "POST",
    "queryStringParameters": None,
    "requestContext": {"requestId": "r", "stage": "live", "httpMethod": "POST", "path": "/live/api/prompt"},
}


def rest(**headers: str | list[str]) -> dict[str, Any]:
    """A REST API's event: names in the client's case, the last value of each, and all values beside it."""
    several = {name.replace("_", "-"): [value] if isinstance(value, str) else value for name, value in headers.items()}
    return {**REST, "headers": {name: values[-1] for name, values in several.items()}, "multiValueHeaders": several}


def answer(event: dict[str, Any]) -> dict[str, Any]:
    return importlib.import_module("agent_authorizer").handler(event, None)


@pytest.fixture
def by_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_AUTH", "header")


@pytest.fixture
def by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_AUTH", "api_key")
    monkeypatch.setenv("AGENT_API_KEY", KEY)


@pytest.mark.parametrize("user", ["user-1", "a", "x" * 256, "auth0|7f!~", "name@domain", "+1555:/?#[]"])
def test_header_tells_the_user(by_header: None, ask: Ask, user: str) -> None:
    assert ask(x_user_id=user) == {"user": user, "problem": ""}


@pytest.mark.parametrize("user", ["", "x" * 257, "two words", "tab\tbed", "jörg", "nul\0", "del\x7f", "user-1,user-2"])
def test_malformed_user_is_nobody(by_header: None, ask: Ask, user: str) -> None:
    said = ask(x_user_id=user)
    assert (said["user"], said["problem"].startswith("X-User-Id must be")) == ("", True)


def test_missing_user_is_nobody(by_header: None, ask: Ask) -> None:
    assert ask() == ask(authorization="Bearer x") == {"user": "", "problem": "X-User-Id is missing"}


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_key_and_header_tell_the_user(by_key: None, ask: Ask, scheme: str) -> None:
    assert ask(authorization=scheme + KEY, x_user_id="user-1") == {"user": "user-1", "problem": ""}


@pytest.mark.parametrize("given", [
    None, "", KEY, "Bearer", "Bearer ", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Bearer {KEY.upper()}",
    f"Bearer {KEY},Bearer {KEY}", "Bearer ü", "Bearer \ud800",
])  # fmt: skip
def test_wrong_key_is_nobody(by_key: None, ask: Ask, given: str | None) -> None:
    headers = {} if given is None else {"authorization": given}
    assert ask(**headers, x_user_id="user-1") == {"user": "", "problem": "Invalid or missing API key"}


def test_key_without_a_user_is_nobody(by_key: None, ask: Ask) -> None:
    assert ask(authorization=f"Bearer {KEY}") == {"user": "", "problem": "X-User-Id is missing"}


def test_key_is_what_is_asked_for_unless_a_setting_says_otherwise(
    by_key: None, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENT_AUTH")
    assert ask(x_user_id="user-1")["user"] == ""


@pytest.mark.parametrize("value", ["", "  "])
@pytest.mark.parametrize("header", ["Bearer ", "Bearer", ""])
def test_without_a_key_of_ours_nobody_is_let_in(
    by_key: None, ask: Ask, monkeypatch: pytest.MonkeyPatch, value: str, header: str
) -> None:
    monkeypatch.setenv("AGENT_API_KEY", value)
    with pytest.raises(MissingSetting, match="AGENT_API_KEY"):
        ask(authorization=header, x_user_id="user-1")


@pytest.mark.parametrize("mode", ["none", "HEADER", "apikey"])
def test_unknown_mode_is_refused_with_the_three_there_are(ask: Ask, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("AGENT_AUTH", mode)
    with pytest.raises(MissingSetting, match="AGENT_AUTH is missing: one of header, api_key, jwt"):
        agent_auth()
    with pytest.raises(MissingSetting):
        ask(x_user_id="user-1")


@pytest.mark.parametrize("url", [
    "", "http://issuer.example/keys", "ftp://issuer.example/keys", "file:///etc/passwd", "https://", "http://[", "keys",
    "http://127.0.0.1.example/keys", "http://localhost@issuer.example/",
])  # fmt: skip
def test_address_of_keys_must_be_https(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in {"JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "JWT_JWKS_URL": url}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingSetting, match="JWT_JWKS_URL"):
        JwtSettings.load()


@pytest.mark.parametrize("missing", ["JWT_ISSUER", "JWT_AUDIENCE"])
def test_issuer_and_audience_are_never_left_open(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in {"JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "JWT_JWKS_URL": "https://i.example/keys"}.items():
        monkeypatch.setenv(name, "" if name == missing else value)
    with pytest.raises(MissingSetting, match=missing):
        JwtSettings.load()


def test_rest_api_gets_a_policy_for_its_whole_stage(by_header: None) -> None:
    assert answer(rest(X_User_Id="user-1")) == {
        "principalId": "user-1",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:us-east-1:123456789012:abcdefghij/live/*",
            }],
        },
        "context": {"user": "user-1", "problem": ""},
    }  # fmt: skip


def test_rest_api_lets_nobody_through_to_the_function_that_refuses(by_header: None) -> None:
    said = answer(rest())
    assert (said["principalId"], said["context"]["user"]) == ("nobody", "")
    assert said["policyDocument"]["Statement"][0]["Effect"] == "Allow"


@pytest.mark.parametrize("name", ["X_User_Id", "x_user_id", "X_USER_ID"])
def test_rest_api_leaves_names_as_the_client_wrote_them(by_key: None, name: str) -> None:
    assert answer(rest(**{name: "user-1"}, AUTHORIZATION=f"Bearer {KEY}"))["context"]["user"] == "user-1"


def test_header_that_came_twice_is_nobodys(by_key: None) -> None:
    mine = f"Bearer {KEY}"
    assert answer(rest(X_User_Id=["user-1", "user-2"], Authorization=mine))["context"]["user"] == ""
    assert answer(rest(X_User_Id=["user-1"], x_user_id=["user-2"], Authorization=mine))["context"]["user"] == ""
    assert answer(rest(X_User_Id="user-1", Authorization=["Bearer x", mine]))["context"]["user"] == ""
    assert answer(event(authorization=mine, x_user_id="user-1,user-1"))["context"]["user"] == ""


@pytest.mark.parametrize("absent", [None, {}])
def test_request_without_any_header_is_nobodys(by_key: None, absent: object) -> None:
    assert answer({**EVENT, "headers": absent})["context"]["user"] == ""
    assert answer({**REST, "headers": absent, "multiValueHeaders": absent})["context"]["user"] == ""

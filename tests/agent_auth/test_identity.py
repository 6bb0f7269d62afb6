"""Identification by header and by API key, in the events of both kinds of gateway, and invalid settings."""

import importlib
from typing import Any

import pytest

from pointsman.errors import InvalidSetting, MissingSetting, SettingError
from pointsman.identity.models import MISCONFIGURED
from pointsman.settings.api import HEADER_AUTH_CONSENT, load_agent_api_key, load_auth_mode
from pointsman.settings.jwt import JwtSettings

from .conftest import SAMPLE_EVENT, Authorize, make_event

KEY = "agent-key-planted"
REST_EVENT = {
    "type": "REQUEST",
    "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdefghij/live/POST/api/prompt",
    "resource": "/api/prompt",
    "path": "/api/prompt",
    "httpMethod": "POST",
    "queryStringParameters": None,
    "requestContext": {"requestId": "r", "stage": "live", "httpMethod": "POST", "path": "/live/api/prompt"},
}


def make_rest_event(**headers: str | list[str]) -> dict[str, Any]:
    """Build a REST API's event: header names as sent, the last value of each, and all values beside it."""
    several = {name.replace("_", "-"): [value] if isinstance(value, str) else value for name, value in headers.items()}
    return {
        **REST_EVENT,
        "headers": {name: values[-1] for name, values in several.items()},
        "multiValueHeaders": several,
    }


def call_authorizer(event: dict[str, Any]) -> dict[str, Any]:
    return importlib.import_module("authorizers.agent_user").handler(event, None)


@pytest.fixture
def header_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_AUTH", "header")
    monkeypatch.setenv("ALLOW_HEADER_AUTH", "trust-x-user-id")


@pytest.fixture
def key_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_AUTH", "api_key")
    monkeypatch.setenv("AGENT_API_KEY", KEY)


@pytest.mark.parametrize("user", ["user-1", "a", "x" * 256, "auth0|7f!~", "name@domain", "+1555:/?#[]"])
def test_header_identifies_the_user(header_auth: None, authorize: Authorize, user: str) -> None:
    assert authorize(x_user_id=user) == {"user": user, "problem": ""}


@pytest.mark.parametrize("user", ["", "x" * 257, "two words", "tab\tbed", "jörg", "nul\0", "del\x7f", "user-1,user-2"])
def test_malformed_user_is_unauthenticated(header_auth: None, authorize: Authorize, user: str) -> None:
    result = authorize(x_user_id=user)
    assert (result["user"], result["problem"].startswith("X-User-Id must be")) == ("", True)


def test_missing_user_is_unauthenticated(header_auth: None, authorize: Authorize) -> None:
    assert authorize() == authorize(authorization="Bearer x") == {"user": "", "problem": "X-User-Id is missing"}


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_key_and_header_identify_the_user(key_auth: None, authorize: Authorize, scheme: str) -> None:
    assert authorize(authorization=scheme + KEY, x_user_id="user-1") == {"user": "user-1", "problem": ""}


@pytest.mark.parametrize("header", [
    None, "", KEY, "Bearer", "Bearer ", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Bearer {KEY.upper()}",
    f"Bearer {KEY},Bearer {KEY}", "Bearer ü", "Bearer \ud800",
])  # fmt: skip
def test_wrong_key_is_unauthenticated(key_auth: None, authorize: Authorize, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    assert authorize(**headers, x_user_id="user-1") == {"user": "", "problem": "Invalid or missing API key"}


def test_key_without_a_user_is_unauthenticated(key_auth: None, authorize: Authorize) -> None:
    assert authorize(authorization=f"Bearer {KEY}") == {"user": "", "problem": "X-User-Id is missing"}


def test_api_key_is_the_default_mode(key_auth: None, authorize: Authorize, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENT_AUTH")
    assert authorize(x_user_id="user-1")["user"] == ""


@pytest.mark.parametrize("value", ["", "  "])
@pytest.mark.parametrize("header", ["Bearer ", "Bearer", ""])
def test_without_a_configured_key_every_request_fails(
    key_auth: None, authorize: Authorize, monkeypatch: pytest.MonkeyPatch, value: str, header: str
) -> None:
    monkeypatch.setenv("AGENT_API_KEY", value)
    assert authorize(authorization=header, x_user_id="user-1") == {"user": "", "problem": MISCONFIGURED}


@pytest.mark.parametrize("mode", ["none", "HEADER", "apikey"])
def test_unknown_mode_is_rejected_with_the_known_ones(
    authorize: Authorize, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("AGENT_AUTH", mode)
    with pytest.raises(InvalidSetting, match="AGENT_AUTH is wrong: it must be one of header, api_key, jwt"):
        load_auth_mode()
    assert authorize(x_user_id="user-1") == {"user": "", "problem": MISCONFIGURED}


@pytest.mark.parametrize("consent", ["", "no", "yes", "true", "trust"])
def test_the_header_alone_is_refused_without_a_second_setting(
    header_auth: None, authorize: Authorize, monkeypatch: pytest.MonkeyPatch, consent: str
) -> None:
    monkeypatch.setenv("ALLOW_HEADER_AUTH", consent)
    with pytest.raises(InvalidSetting, match="ALLOW_HEADER_AUTH is wrong: it must be trust-x-user-id for AGENT_AUTH"):
        load_auth_mode()
    assert authorize(x_user_id="user-1") == {"user": "", "problem": MISCONFIGURED}


JWT = {"AGENT_AUTH": "jwt", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "JWT_JWKS_URL": "https://i.example/keys"}


@pytest.mark.parametrize("mode", ["header", "api_key"])
def test_what_another_mode_needs_is_not_asked_for(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    for name, value in {"AGENT_AUTH": mode, "ALLOW_HEADER_AUTH": HEADER_AUTH_CONSENT, "AGENT_API_KEY": ""}.items():
        monkeypatch.setenv(name, value)
    assert JwtSettings.load() is None
    if mode == "header":
        assert load_agent_api_key() == ""


@pytest.mark.parametrize("url", [
    "", "http://issuer.example/keys", "ftp://issuer.example/keys", "file:///etc/passwd", "https://", "http://[", "keys",
    "http://127.0.0.1.example/keys", "http://localhost@issuer.example/",
])  # fmt: skip
def test_jwks_url_must_be_https(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in {**JWT, "JWT_JWKS_URL": url}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match="JWT_JWKS_URL"):
        JwtSettings.load()


@pytest.mark.parametrize("missing", ["JWT_ISSUER", "JWT_AUDIENCE"])
def test_issuer_and_audience_are_required(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in JWT.items():
        monkeypatch.setenv(name, "" if name == missing else value)
    with pytest.raises(MissingSetting, match=missing):
        JwtSettings.load()


def test_rest_api_gets_a_policy_for_its_whole_stage(header_auth: None) -> None:
    assert call_authorizer(make_rest_event(X_User_Id="user-1")) == {
        "principalId": "user-1",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:us-east-1:123456789012:abcdefghij/live/*",
            }],
        },
        "context": {"user": "user-1", "problem": "", "permissions": ""},
    }  # fmt: skip


def test_rest_api_passes_unauthenticated_requests_to_the_function_that_rejects_them(header_auth: None) -> None:
    result = call_authorizer(make_rest_event())
    assert (result["principalId"], result["context"]["user"]) == ("nobody", "")
    assert result["policyDocument"]["Statement"][0]["Effect"] == "Allow"


@pytest.mark.parametrize("name", ["X_User_Id", "x_user_id", "X_USER_ID"])
def test_rest_api_header_names_are_case_insensitive(key_auth: None, name: str) -> None:
    assert (
        call_authorizer(make_rest_event(**{name: "user-1"}, AUTHORIZATION=f"Bearer {KEY}"))["context"]["user"]
        == "user-1"
    )


def test_repeated_header_is_unauthenticated(key_auth: None) -> None:
    own_key = f"Bearer {KEY}"
    assert (
        call_authorizer(make_rest_event(X_User_Id=["user-1", "user-2"], Authorization=own_key))["context"]["user"] == ""
    )
    assert (
        call_authorizer(make_rest_event(X_User_Id=["user-1"], x_user_id=["user-2"], Authorization=own_key))["context"][
            "user"
        ]
        == ""
    )
    assert (
        call_authorizer(make_rest_event(X_User_Id="user-1", Authorization=["Bearer x", own_key]))["context"]["user"]
        == ""
    )
    assert call_authorizer(make_event(authorization=own_key, x_user_id="user-1,user-1"))["context"]["user"] == ""


@pytest.mark.parametrize("absent", [None, {}])
def test_request_without_headers_is_unauthenticated(key_auth: None, absent: object) -> None:
    assert call_authorizer({**SAMPLE_EVENT, "headers": absent})["context"]["user"] == ""
    assert call_authorizer({**REST_EVENT, "headers": absent, "multiValueHeaders": absent})["context"]["user"] == ""

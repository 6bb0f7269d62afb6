"""What a caller may do, by its credential."""

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.errors import InvalidSetting
from pointsman.identity.permissions import is_granted, is_permission, parse_permissions, resolve_roles
from pointsman.settings.permissions import load_roles, load_tool_approvers
from tests.agent_auth.token_issuer import Issuer, Key

OPERATOR = "fleet:read fleet:write"
Granted = Callable[..., str]


@pytest.fixture
def key_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AGENT_AUTH": "api_key", "AGENT_API_KEY": "app", "AGENT_OPERATOR_API_KEY": "operator"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def header_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AGENT_AUTH": "header", "ALLOW_HEADER_AUTH": "trust-x-user-id"}.items():
        monkeypatch.setenv(name, value)


def test_the_operators_key_makes_an_operator(key_auth: None, granted: Granted) -> None:
    assert granted(authorization="Bearer app", x_user_id="user-1") == ""
    assert granted(authorization="Bearer operator", x_user_id="user-1") == OPERATOR
    assert granted(authorization="Bearer wrong", x_user_id="user-1") == ""
    assert granted(authorization="Bearer operator") == OPERATOR  # Without a user the endpoints refuse the request.


def test_without_an_operators_key_nobody_is_one(
    key_auth: None, granted: Granted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_OPERATOR_API_KEY", "")
    for authorization in ("Bearer", "Bearer ", "Bearer app", ""):
        assert granted(authorization=authorization, x_user_id="user-1") == ""


@pytest.mark.parametrize(
    ("operators", "user", "expected"),
    [
        ("", "user-1", ""), ("*", "user-1", OPERATOR), ("user-2, user-1", "user-1", OPERATOR),
        ("user-1", "user-10", ""),
        ("user-2", "user-1", ""), (",", "", ""), ("user-1,*", "x", OPERATOR),
    ],
)  # fmt: skip
def test_operators_are_listed_where_users_are_trusted(
    header_auth: None, granted: Granted, monkeypatch: pytest.MonkeyPatch, operators: str, user: str, expected: str
) -> None:
    monkeypatch.setenv("AGENT_OPERATORS", operators)
    assert granted(x_user_id=user) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, ""), ({"scope": "openid profile"}, ""), ({"scope": "openid fleet:read"}, "fleet:read"),
        ({"permissions": ["fleet:write", "other:thing"]}, "fleet:write other:thing"),
        ({"roles": ["viewer"]}, "fleet:read"),
        ({"roles": ["operator", "viewer"]}, OPERATOR), ({"roles": "operator"}, OPERATOR), ({"roles": ["admin"]}, ""),
        ({"scope": "fleet:*"}, "fleet:*"), ({"scope": ["fleet:read", 5, None, {}]}, "fleet:read"), ({"scope": 5}, ""),
        ({"scope": {"fleet:read": True}}, ""), ({"scope": "FLEET:READ fleet: :read fleet:read:x"}, ""),
        ({"realm_access": {"roles": ["operator"]}}, ""),
    ],
)  # fmt: skip
def test_a_token_names_permissions_or_roles(
    issuer: Issuer, granted: Granted, claims: dict[str, Any], expected: str
) -> None:
    key = Key("RS256")
    assert granted(authorization=f"Bearer {key.sign_token(**claims)}") == expected


def test_the_claims_and_the_roles_are_settings(
    issuer: Issuer, granted: Granted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_PERMISSION_CLAIMS", "realm_access.roles, https://example.com/roles")
    monkeypatch.setenv("ROLE_PERMISSIONS", "admin=*; guest=fleet:read")
    key = Key("RS256")
    for claims, expected in (
        ({"realm_access": {"roles": ["guest"]}}, "fleet:read"), ({"https://example.com/roles": ["admin"]}, "*"),
        ({"scope": "fleet:write", "roles": ["admin"]}, ""), ({"realm_access": ["guest"]}, ""),
    ):  # fmt: skip
        assert granted(authorization=f"Bearer {key.sign_token(**claims)}") == expected


def test_a_token_that_is_refused_grants_nothing(issuer: Issuer, granted: Granted) -> None:
    assert granted(authorization=f"Bearer {Key('RS256', index=1).sign_token(scope='fleet:*')}") == ""


@pytest.mark.parametrize(
    ("required", "held", "expected"),
    [
        ("", [], True), ("fleet:read", [], False), ("fleet:read", ["fleet:read"], True),
        ("fleet:read", ["fleet:write"], False), ("fleet:read", ["fleet:*"], True), ("fleet:read", ["*"], True),
        ("fleet:read", ["fleets:*", "fleet:rea"], False), ("fleet:write", ["fleet:read"], False),
    ],
)  # fmt: skip
def test_what_a_permission_grants(required: str, held: list[str], expected: bool) -> None:
    assert is_granted(required, held) is expected


def test_the_form_of_permissions() -> None:
    assert all(is_permission(text) for text in ("fleet:read", "a-b:c_d"))
    assert not any(is_permission(text) for text in ("fleet", "fleet:*", "*", "Fleet:read", "a:b:c", ""))
    assert parse_permissions("fleet:read * bad fleet:*") == ("fleet:read", "*", "fleet:*")
    assert parse_permissions(None) == parse_permissions(["*"]) == ()
    assert len(resolve_roles((f"a:b{number}" for number in range(1000)), {})) == 50


@pytest.mark.parametrize("text", ["operator", "operator=", "operator=fleet read", "=fleet:read", "a=b:c;", "a=B:c"])
def test_wrong_roles_are_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ROLE_PERMISSIONS", text)
    with pytest.raises(InvalidSetting, match="ROLE_PERMISSIONS"):
        load_roles()


def test_approvers_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_APPROVERS", "instances.destroy=other, instances.create = self")
    assert load_tool_approvers() == {"instances.destroy": "other", "instances.create": "self"}
    for text in ("instances.destroy", "instances.destroy=me", "=other"):
        monkeypatch.setenv("TOOL_APPROVERS", text)
        with pytest.raises(InvalidSetting, match="TOOL_APPROVERS"):
            load_tool_approvers()

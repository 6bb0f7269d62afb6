"""The secret header by which the authorizers know that a request came through CloudFront."""

import importlib
from typing import Any

import pytest

from pointsman.errors import MissingSetting
from pointsman.identity.models import NOT_THROUGH_CLOUDFRONT
from pointsman.identity.origin import has_origin_secret
from tests.agent_auth.conftest import make_event

FIRST, SECOND = "first-secret", "second-secret"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ORIGIN_SECRET": FIRST,
        "ORIGIN_SECRET_2": SECOND,
        "ORIGIN_SECRET_KEY": "ORIGIN_SECRET",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("value", "is_accepted"),
    [
        (FIRST, True),
        (SECOND, True),
        (FIRST + "x", False),
        ("", False),
        (f"{FIRST},{SECOND}", False),
        ("ä\udcff", False),
    ],
)
def test_only_the_two_secrets_are_accepted(value: str, is_accepted: bool) -> None:
    assert has_origin_secret(make_event(x_origin_secret=value)) is is_accepted


def test_a_rest_apis_event_is_read_too() -> None:
    event: dict[str, Any] = {"headers": {}, "multiValueHeaders": {"X-Origin-Secret": [FIRST]}}
    assert has_origin_secret(event)
    event["multiValueHeaders"]["X-Origin-Secret"].append(FIRST)
    assert not has_origin_secret(event)


def test_an_unused_secret_accepts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_SECRET_2", "")
    assert not has_origin_secret(make_event(x_origin_secret=""))
    assert not has_origin_secret(make_event())


def test_without_cloudfront_nothing_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORIGIN_SECRET", "ORIGIN_SECRET_2", "ORIGIN_SECRET_KEY"):
        monkeypatch.delenv(name)
    assert has_origin_secret(make_event())


def test_behind_cloudfront_a_missing_secret_lets_nothing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_SECRET", "")
    with pytest.raises(MissingSetting, match="ORIGIN_SECRET"):
        has_origin_secret(make_event(x_origin_secret=SECOND))


def test_the_authorizers_tell_of_a_request_past_cloudfront(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICES_API_KEY", "key")
    event = make_event(authorization="Bearer key", x_user_id="u1")
    services, agent = (
        importlib.import_module(name).handler for name in ("authorizers.services_key", "authorizers.agent_user")
    )
    assert services(event, None)["context"] == {"caller": "", "problem": NOT_THROUGH_CLOUDFRONT}
    assert agent(event, None)["context"] == {"user": "", "problem": NOT_THROUGH_CLOUDFRONT, "permissions": ""}

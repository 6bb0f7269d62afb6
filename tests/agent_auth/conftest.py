"""The deployed authorizer, called in this process with a test's settings."""

import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.agent_auth.token_issuer import AUDIENCE, ISSUER, Issuer, Key, run_issuer
from tests.harness.paths import EVENTS

SAMPLE_EVENT = json.loads((EVENTS / "authorizers/agent_user.json").read_text())

Authorize = Callable[..., dict[str, str]]


def make_event(**headers: str) -> dict[str, Any]:
    """Build an HTTP API's event with these headers and no others; `_` in a name stands for `-`."""
    return {**SAMPLE_EVENT, "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


@pytest.fixture
def authorize() -> Authorize:
    """Calls the authorizer with these headers; returns `user` and `problem` of its context."""
    handler = importlib.import_module("authorizers.agent_user").handler

    def authorize_headers(**headers: str) -> dict[str, str]:
        response = handler(make_event(**headers), None)
        assert response["isAuthorized"] is True
        assert set(response) == {"isAuthorized", "context"}
        assert response["context"].pop("permissions", None) is not None
        return response["context"]

    return authorize_headers


@pytest.fixture
def granted() -> Callable[..., str]:
    """Calls the authorizer with these headers; returns the permissions in its context."""
    handler = importlib.import_module("authorizers.agent_user").handler
    return lambda **headers: handler(make_event(**headers), None)["context"]["permissions"]


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """The issuer that AGENT_AUTH=jwt trusts, with one RSA key."""
    with run_issuer(Key("RS256").public_jwk()) as issuer:
        for name, value in {
            "AGENT_AUTH": "jwt", "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_JWKS_URL": issuer.url,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield issuer


@pytest.fixture
def authorize_token(authorize: Authorize, issuer: Issuer) -> Authorize:
    """Calls the authorizer with a bearer token."""

    def authorize_bearer(token: str, **headers: str) -> dict[str, str]:
        return authorize(authorization=f"Bearer {token}", **headers)

    return authorize_bearer

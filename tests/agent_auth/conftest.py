"""The authorizer as it is deployed, called in this process, under the settings that a test wants."""

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent_auth.issuer import AUDIENCE, ISSUER, Issuer, Key, issuing

EVENT = json.loads((Path(__file__).parents[2] / "events/agent_authorizer.json").read_text())

Ask = Callable[..., dict[str, str]]


def event(**headers: str) -> dict[str, Any]:
    """An HTTP API's event with these headers and no others; `_` stands for `-`."""
    return {**EVENT, "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


@pytest.fixture
def ask() -> Ask:
    """What the authorizer says about a request with these headers: `user` and `problem`."""
    handler = importlib.import_module("agent_authorizer").handler

    def said(**headers: str) -> dict[str, str]:
        answer = handler(event(**headers), None)
        assert answer["isAuthorized"] is True
        assert set(answer) == {"isAuthorized", "context"}
        return answer["context"]

    return said


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """The issuer that AGENT_AUTH=jwt trusts, with one RSA key."""
    with issuing(Key("RS256").jwk()) as issuer:
        for name, value in {
            "AGENT_AUTH": "jwt", "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_JWKS_URL": issuer.url,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield issuer


@pytest.fixture
def holder(ask: Ask, issuer: Issuer) -> Ask:
    """What the authorizer says about a token."""

    def said(token: str, **headers: str) -> dict[str, str]:
        return ask(authorization=f"Bearer {token}", **headers)

    return said

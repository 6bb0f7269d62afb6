"""Authentication over HTTP, by a bundle in API key mode and one in JWT mode."""

from collections.abc import Iterator

import httpx
import pytest

from local.stack.stack import Stack
from tests.harness.checkout import link_checkout
from tests.harness.clients import send_request
from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until

from .token_issuer import AUDIENCE, ISSUER, Issuer, Key, run_issuer

pytestmark = pytest.mark.slow

KEY = "agent-key-planted"
PATH = "/api/capabilities"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with run_issuer(Key("RS256").public_jwk()) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def runner(
    request: pytest.FixtureRequest, stack: Stack, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunnerProcess]:
    """A bundle with the test's AGENT_AUTH; it shares only the database with the other stack."""
    with RunnerProcess(
        link_checkout(tmp_path_factory.mktemp("auth")), SERVICE_DATABASE_URL=stack.database_url,
        AGENT_AUTH=request.param, AGENT_API_KEY=KEY, JWT_ISSUER=ISSUER, JWT_AUDIENCE=AUDIENCE, JWT_JWKS_URL=issuer.url,
    ) as runner:  # fmt: skip
        yield runner


def get_capabilities(runner: RunnerProcess, **headers: str) -> tuple[int, tuple[str, str] | None]:
    """GET /capabilities; returns the status, and the error's code and message if there is one."""
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx.get(f"{runner.url}{PATH}", headers=given_headers, timeout=60)
    error = response.json().get("error")
    return response.status_code, error and (error["code"], error["message"])


@pytest.mark.parametrize("runner", ["api_key"], indirect=True)
def test_key_and_user_are_required(runner: RunnerProcess) -> None:
    assert get_capabilities(runner, Authorization=f"Bearer {KEY}", X_User_Id="user-1") == (200, None)
    wrong = (401, ("AUTH_REQUIRED", "Invalid or missing API key"))
    assert get_capabilities(runner, X_User_Id="user-1") == wrong
    assert get_capabilities(runner, Authorization=f"Bearer {KEY}x", X_User_Id="user-1") == wrong
    missing = get_capabilities(runner, Authorization=f"Bearer {KEY}")
    assert missing == (401, ("AUTH_REQUIRED", "X-User-Id is missing"))
    assert send_request(runner.url, "POST", PATH, headers={"X-User-Id": "user-1"})[0] == 401


@pytest.mark.parametrize("runner", ["jwt"], indirect=True)
def test_token_is_required(runner: RunnerProcess, issuer: Issuer) -> None:
    token = Key("RS256").sign_token()
    issuer.response_override = (500, b"", {})
    status, error = get_capabilities(runner, Authorization=f"Bearer {token}")
    assert (status, error and error[0]) == (503, "AUTH_UNAVAILABLE")
    issuer.response_override = None
    wait_until(lambda: get_capabilities(runner, Authorization=f"Bearer {token}") == (200, None))
    assert get_capabilities(runner, Authorization=f"Bearer {token}", X_User_Id="user-1") == (200, None)
    differs = (401, ("AUTH_REQUIRED", "X-User-Id differs from the token's subject"))
    assert get_capabilities(runner, Authorization=f"Bearer {token}", X_User_Id="user-2") == differs
    assert get_capabilities(runner, X_User_Id="user-1") == (401, ("AUTH_REQUIRED", "The bearer token is missing"))
    forged = get_capabilities(runner, Authorization=f"Bearer {Key('RS256', index=1).sign_token()}")
    assert forged == (401, ("AUTH_REQUIRED", "The bearer token is not accepted: no key of its issuer signed it"))

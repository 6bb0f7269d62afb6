"""A setting or a secret that is missing or wrong: the endpoints answer 503, the log names it, an alarm rings."""

import importlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.stack.stack import Stack
from pointsman.errors import SecretsUnavailable
from pointsman.identity.models import MISCONFIGURED, SECRETS_UNAVAILABLE
from pointsman.settings import secrets
from tests.agent_auth.conftest import make_event
from tests.agent_auth.test_identity import make_rest_event
from tests.harness.checkout import link_checkout
from tests.harness.clients import services_client
from tests.harness.ids import unique_id
from tests.harness.runner_process import RunnerProcess
from tests.harness.secrets import put_secret
from tests.harness.stack import API_KEY
from tests.harness.wait import wait_until

KEY = "agent-key-planted"
WRONG_SETTINGS = {
    "AGENT_API_KEY": {"AGENT_AUTH": "api_key"},
    "AGENT_AUTH": {"AGENT_AUTH": "foo"},
    "ALLOW_HEADER_AUTH": {"AGENT_AUTH": "header", "ALLOW_HEADER_AUTH": "yes"},
    "JWT_ISSUER": {"AGENT_AUTH": "jwt", "JWT_AUDIENCE": "a", "JWT_JWKS_URL": "https://issuer.example/keys"},
    "JWT_JWKS_URL": {"AGENT_AUTH": "jwt", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "JWT_JWKS_URL": "ftp://planted"},
    "ORIGIN_SECRET": {"ORIGIN_SECRET_KEY": "ORIGIN_SECRET"},
    "ORIGIN_SECRET_KEY": {"ORIGIN_SECRET_KEY": "planted"},
}
"""The setting that the log names, by what is set."""
VARIABLES = ("AGENT_API_KEY", "SERVICES_API_KEY", *(name for values in WRONG_SETTINGS.values() for name in values))


def call_authorizer(module: str, event: dict[str, Any]) -> dict[str, Any]:
    return importlib.import_module(f"authorizers.{module}").handler(event, None)


ReadReports = Callable[[], tuple[list[str], list[float]]]


@pytest.fixture
def read_reports(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> ReadReports:
    """Reads, since the last time, the settings that the log names, and the counts of the metric."""

    def read() -> tuple[list[str], list[float]]:
        named = [vars(record)["setting"] for record in caplog.records if record.levelname == "ERROR"]
        caplog.clear()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return named, [line["Misconfigurations"] for line in lines if "_aws" in line]

    return read


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_the_agent_apis_authorizer_says_it_to_both_gateways_and_names_the_setting_in_the_log_only(
    monkeypatch: pytest.MonkeyPatch, read_reports: ReadReports, name: str
) -> None:
    for setting, value in WRONG_SETTINGS[name].items():
        monkeypatch.setenv(setting, value)
    context = {"user": "", "problem": MISCONFIGURED, "permissions": ""}
    headers = {"authorization": f"Bearer {KEY}", "x_user_id": "u1"}
    assert call_authorizer("agent_user", make_event(**headers)) == {"isAuthorized": True, "context": context}
    assert read_reports() == ([name], [1])
    answer = call_authorizer("agent_user", make_rest_event(**headers))
    assert (answer["principalId"], answer["context"]) == ("nobody", context)
    assert read_reports() == ([name], [1])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("SERVICES_API_KEY", {}),
        ("ORIGIN_SECRET", {"ORIGIN_SECRET_KEY": "ORIGIN_SECRET", "SERVICES_API_KEY": "k"}),
        ("ORIGIN_SECRET_KEY", {"ORIGIN_SECRET_KEY": "other", "SERVICES_API_KEY": "k"}),
    ],
)
def test_the_services_apis_authorizer_says_it_too(
    monkeypatch: pytest.MonkeyPatch, read_reports: ReadReports, name: str, settings: dict[str, str]
) -> None:
    for setting, value in settings.items():
        monkeypatch.setenv(setting, value)
    answer = call_authorizer("services_key", make_event(authorization="Bearer k"))
    assert answer == {"isAuthorized": True, "context": {"caller": "", "problem": MISCONFIGURED}}
    assert read_reports() == ([name], [1])


def test_an_unreachable_secrets_manager_is_no_misconfiguration(
    monkeypatch: pytest.MonkeyPatch, read_reports: ReadReports
) -> None:
    def fail(name: str) -> str:
        raise SecretsUnavailable(f"Secrets Manager does not give {name}")

    monkeypatch.setattr(secrets, "read_secret", fail)
    event = make_event(authorization=f"Bearer {KEY}", x_user_id="u1")
    assert call_authorizer("services_key", event)["context"] == {"caller": "", "problem": SECRETS_UNAVAILABLE}
    assert call_authorizer("agent_user", event)["context"] == {
        "user": "", "problem": SECRETS_UNAVAILABLE, "permissions": "",
    }  # fmt: skip
    # A REST API would keep the answer for a minute.
    with pytest.raises(SecretsUnavailable):
        call_authorizer("agent_user", make_rest_event(authorization=f"Bearer {KEY}", x_user_id="u1"))
    assert read_reports() == ([], [])


@pytest.fixture(scope="module")
def runner(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    with RunnerProcess(
        link_checkout(tmp_path_factory.mktemp("misconfigured")), SERVICE_DATABASE_URL=stack.database_url,
        SERVICES_API_KEY=API_KEY, AGENT_AUTH="api_key", AGENT_API_KEY=KEY,
    ) as runner:  # fmt: skip
        yield runner


def restart_authorizers(runner: RunnerProcess) -> None:
    """End their processes, so that the next call reads the secrets."""
    for function in ("AuthorizerFunction", "AgentAuthorizerFunction"):
        pids = {worker["pid"] for worker in runner.workers(function)}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda name=function, old=pids: not old & {worker["pid"] for worker in runner.workers(name)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/capabilities"), ("POST", "/api/prompt"), ("GET", "/api/prompts/p/stream"), ("GET", "/registry")],
)
def test_the_endpoints_answer_503_in_their_apis_shape_until_the_secret_is_there(
    runner: RunnerProcess, method: str, path: str
) -> None:
    is_agents = path.startswith("/api/")
    aws_url = runner.status()["aws"]
    group, variable, key = (
        ("agent-api", "AGENT_API_KEY", KEY) if is_agents else ("services-api", "SERVICES_API_KEY", API_KEY)
    )

    def send() -> httpx.Response:
        # An identity of its own for each call: the REST API keeps what the authorizer said for a minute.
        headers = {"Authorization": f"Bearer {key}", "X-User-Id": unique_id("user")}
        return httpx.request(method, f"{runner.url}{path}", headers=headers, json={}, timeout=60)

    put_secret(aws_url, group, **{variable: ""})
    restart_authorizers(runner)
    response = send()
    assert response.status_code == 503, response.text
    body = response.json()
    error = body["error"] if is_agents else {"code": body["code"], "message": body["error"]}
    assert error["code"] == "MISCONFIGURED"
    assert not {variable, group} & set(response.text.replace('"', " ").split())
    assert response.headers["content-type"].startswith("application/json")
    assert is_agents == ("x-request-id" in response.headers)
    put_secret(aws_url, group, **{variable: key})
    wait_until(lambda: send().status_code not in (401, 503), 10)
    with services_client(runner.url, API_KEY) as client:
        assert client.get("/healthz").status_code == 200

"""The Agent API's options: prefix, CORS origins, port and host."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.errors import RunnerError
from local.settings import Settings
from local.template.sam_template import Template
from pointsman.errors import InvalidSetting
from pointsman.settings.api import load_api_prefix, load_cors_origins
from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client, open_client
from tests.harness.paths import CHECKOUT, TEMPLATE
from tests.harness.runner_process import RunnerProcess
from tests.harness.stack import API_KEY

pytestmark = pytest.mark.slow

PREFIX = "/agents/v1"
ORIGINS = ("https://app.example", "http://localhost:5173")
INVALID_PREFIXES = ["", "/", "api", "/api/", "//", "/a//b", "/{x}", "/a b", "/*"]

BUILT_TEMPLATE = """
      Environment:
        Variables:
          API_PREFIX: #
      Events:
        Route: {Properties: {Path: "#/{proxy+}", Method: ANY}}
        Other:
          Properties:
            Path: #/tools
            Method: GET
        Itself: {Properties: {Method: ANY, Path: #}}
        Another: {Properties: {Path: /apis, Description: /api/tools}}
"""
"""The prefix, written as #, in every form in which people and `sam build` write it."""


@pytest.fixture(scope="module")
def prefixed_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """A stack with another prefix that allows two origins."""
    root = link_checkout(tmp_path_factory.mktemp("prefixed"))
    settings = {"API_PREFIX": PREFIX, "API_CORS_ORIGIN": f"{ORIGINS[0]}/, {ORIGINS[1]}"}
    with RunnerProcess(root, SERVICES_API_KEY=API_KEY, **settings) as running:
        yield running


@pytest.fixture
def agent(prefixed_runner: RunnerProcess) -> Iterator[httpx.Client]:
    with agent_client(prefixed_runner.url, "ada", PREFIX) as client:
        yield client


def test_the_api_is_served_under_its_prefix_only(prefixed_runner: RunnerProcess, agent: httpx.Client) -> None:
    assert agent.get("/capabilities").status_code == 200
    assert get_result(invoke_tool(agent, "time.now"))["timezone"] == "UTC"
    assert PREFIX in expect_error(invoke_tool(agent, "none"), 404, "TOOL_NOT_FOUND")["message"]
    assert expect_error(agent.get("/none"), 404, "NOT_FOUND")["message"] == f"There is no GET {PREFIX}/none"
    expect_error(agent.delete("/tools"), 405, "METHOD_NOT_ALLOWED")
    expect_error(agent.get(""), 404, "NOT_FOUND")
    for path in ("/api/tools", "/agents", "/agents/tools"):
        response = agent.get(prefixed_runner.url + path, headers={"Authorization": f"Bearer {API_KEY}"})
        assert (response.status_code, isinstance(response.json()["error"], str)) == (404, True)
    assert agent.get(f"{prefixed_runner.url}/healthz").json() == {"ok": True}


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_allowed_origin_may_read_responses_errors_and_request_ids(agent: httpx.Client, origin: str) -> None:
    for response in (
        agent.get("/tools", headers={"Origin": origin}),
        agent.get("/tools", headers={"Origin": origin, "X-User-Id": ""}),
        agent.get("/none", headers={"Origin": origin}),
        agent.post("/tools/none/invoke", headers={"Origin": origin}),
        agent.post("/tools/time.now/invoke", content=b" " * 1_100_000, headers={"Origin": origin}),
    ):
        assert response.headers["access-control-allow-origin"] == origin
        assert response.headers["access-control-expose-headers"] == "x-request-id, retry-after"
        assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_allowed_origin_may_read_prompt_streams(agent: httpx.Client, origin: str) -> None:
    for body, status in (({"input": "What time is it?"}, 200), ({}, 422)):
        response = agent.post("/prompt", json=body, headers={"Origin": origin})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == origin
        assert response.headers["access-control-expose-headers"] == "x-request-id, retry-after"
        assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize(
    "path",
    [
        "/tools", "/tools/time.now/invoke", "/none", "/prompt", "/prompts/x/stream", "/agui", "/chat", "/chat/x/stream",
    ],
)  # fmt: skip
def test_a_preflight_needs_no_user(prefixed_runner: RunnerProcess, path: str) -> None:
    headers = {
        "Origin": ORIGINS[0],
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-user-id",
    }
    with open_client(prefixed_runner.url + PREFIX) as client:
        response = client.options(path, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGINS[0]
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "authorization,content-type,x-user-id"


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example.evil.example", "null"])
def test_another_origin_is_not_allowed(agent: httpx.Client, origin: str) -> None:
    response = agent.get("/tools", headers={"Origin": origin})
    assert (response.status_code, "access-control-allow-origin" in response.headers) == (200, False)
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    response = agent.options("/tools", headers=preflight)
    assert (response.status_code, "access-control-allow-origin" in response.headers) == (400, False)


@pytest.mark.parametrize(("value", "origins"), [
    ("", []), ("*", ["*"]), ("https://a.example", ["https://a.example"]),
    (" https://a.example/ ,,http://b.example ", ["https://a.example", "http://b.example"]),
])  # fmt: skip
def test_allowed_origins_are_parsed_from_the_setting(
    monkeypatch: pytest.MonkeyPatch, value: str, origins: list[str]
) -> None:
    monkeypatch.setenv("API_CORS_ORIGIN", value)
    assert load_cors_origins() == origins


@pytest.mark.parametrize("prefix", INVALID_PREFIXES)
def test_an_invalid_prefix_is_named(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    with pytest.raises(RunnerError, match="API_PREFIX"):
        Template.load(TEMPLATE, {"API_PREFIX": prefix})
    if prefix:
        monkeypatch.setenv("API_PREFIX", prefix)
        with pytest.raises(InvalidSetting, match="API_PREFIX"):
            load_api_prefix()


def test_every_route_of_the_agent_api_moves_and_no_other() -> None:
    before = Template.load(TEMPLATE, {})
    after = Template.load(TEMPLATE, {"API_PREFIX": "/v2"})
    expected = [re.sub("^/api(?=/|$)", "/v2", route.path) for route in before.routes]
    assert [route.path for route in after.routes] == expected
    agent_paths = [route.path for route in before.routes if route.authorizer == "AgentUser"]
    assert len(agent_paths) > 7
    assert all(path == "/api" or path.startswith("/api/") for path in agent_paths)
    assert {function.environment["API_PREFIX"] for function in after.functions.values()} == {"/v2"}
    assert {function.environment["API_PREFIX"] for function in before.functions.values()} == {"/api"}


def test_the_built_template_is_moved_by_the_same_rule(tmp_path: Path) -> None:
    """In the form that `sam build` writes."""
    (tmp_path / "template.yaml").write_text(BUILT_TEMPLATE.replace("#", "/api"))
    command = [sys.executable, "-m", "local.template.api_prefix", str(tmp_path / "template.yaml"), "/v2"]
    subprocess.run(command, check=True, cwd=CHECKOUT)
    assert (tmp_path / "template.yaml").read_text() == BUILT_TEMPLATE.replace("#", "/v2")
    assert subprocess.run([*command[:-1], "/"], check=False, capture_output=True, cwd=CHECKOUT).returncode == 1


def test_port_and_host_are_those_of_the_contract(tmp_path: Path) -> None:
    def address(**environ: str) -> tuple[str, int]:
        settings = Settings.load(tmp_path, environ)
        return settings.host, settings.port

    assert address() == ("127.0.0.1", 3002)
    assert address(API_PORT="3000", API_HOST="0.0.0.0") == ("0.0.0.0", 3000)
    assert address(PORT="1", API_PORT="2") == ("127.0.0.1", 1)
    assert address(PORT="", API_PORT="", API_HOST="") == ("127.0.0.1", 3002)

"""Part B of the contract over HTTP: discovery, tools, errors; everything but the stream and the document."""

import json
from typing import Any

import httpx
import jsonschema
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.clients import open_client
from tests.harness.database import Database
from tests.harness.instances import TOOLS, create_instance, create_request, new_instance_id

PLUGINS = ["conversation", "time", "instances"]
TOOLS_WITHOUT_APPROVAL = {"instances.registry": {}, "instances.list": {}, "instances.status": {"instanceIds": []}}
TOOLS_WITH_APPROVAL = {
    "instances.create": {"instanceId": "a-1", "name": "convos-agent-a-1", "tools": ["openrouter"]},
    "instances.destroy": {"instanceId": "a-1"},
    "instances.redeploy": {"instanceId": "a-1"},
    "instances.configure": {"instanceId": "a-1", "variables": {"TOKEN": "planted-secret"}},
}
CONTENT_TYPES = [
    "",
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "application/octet-stream",
    "odd",
]
INVALID_BODIES = [b"{", b"nonsense", b'"text"', b"[]", b"5", b"null", b"\xff\xfe", b"[" * 10_000, b"1" * 5_000,
             b'{"timezone": NaN}', b'{"timezone": "\\ud800"}']  # fmt: skip

UNKNOWN_TOOL_IDS = [
    "time.then",
    "time",
    "TIME.NOW",
    "time.now%2F",
    "a%2Fb",
    "%25",
    "%2E%2E",
    "%00",
    "x" * 300,
    "%F0%9F%99%82",
    "time%0Anow",
    "%22%3E",
]


@pytest.fixture
def listed_tools(agent: httpx.Client) -> dict[str, dict[str, Any]]:
    """The entries of GET /tools by tool id."""
    return {tool["id"]: tool for tool in agent.get("/tools").json()["tools"]}


def test_capabilities_are_the_plugins_in_the_order_of_their_registration(agent: httpx.Client) -> None:
    response = agent.get("/capabilities")
    assert (response.status_code, response.json()) == (200, {"plugins": PLUGINS})
    assert response.headers["x-request-id"]


def test_tools_are_listed_with_their_tags_and_json_schemas(listed_tools: dict[str, dict[str, Any]]) -> None:
    assert list(listed_tools)[:5] == [f"conversation.{word}" for word in ("create", "list", "get", "delete")] + [
        "time.now"
    ]
    assert {*TOOLS_WITHOUT_APPROVAL, *TOOLS_WITH_APPROVAL} <= set(listed_tools)
    for tool_id, tool in listed_tools.items():
        assert set(tool) == {"id", "description", "tag", "input", "output"}
        assert (tool["tag"], bool(tool["description"])) == (tool_id.partition(".")[0], True)
        for side in ("input", "output"):
            jsonschema.Draft202012Validator.check_schema(tool[side])


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        *TOOLS_WITHOUT_APPROVAL.items(),
        ("time.now", {}),
        ("time.now", {"timezone": "UTC"}),
        ("conversation.create", {}),
        ("conversation.list", {}),
    ],
)
def test_a_tool_returns_what_its_schema_says(
    agent: httpx.Client, simulator: SimulatorClient, listed_tools, tool: str, arguments: dict
) -> None:
    jsonschema.validate(arguments, listed_tools[tool]["input"])
    jsonschema.validate(get_result(invoke_tool(agent, tool, arguments)), listed_tools[tool]["output"])


def test_instance_tools_return_what_the_services_api_returns(
    agent: httpx.Client, api: httpx.Client, simulator: SimulatorClient
) -> None:
    simulator.seed_services(2)
    assert get_result(invoke_tool(agent, "instances.registry")) == api.get("/registry").json()
    assert [tool["id"] for tool in get_result(invoke_tool(agent, "instances.registry"))["tools"]] == TOOLS
    fleet = api.post("/status/batch", json={}).json()
    assert get_result(invoke_tool(agent, "instances.status")) == fleet
    instance_ids = [fleet["services"][0]["instanceId"]]
    assert (
        get_result(invoke_tool(agent, "instances.status", {"instanceIds": instance_ids}))["services"]
        == fleet["services"][:1]
    )
    assert create_instance(api, create_request(new_instance_id(), [])).status_code == 200
    assert get_result(invoke_tool(agent, "instances.list")) == api.get("/dashboard/instances").json()


@pytest.mark.parametrize(("tool", "arguments"), TOOLS_WITH_APPROVAL.items())
def test_a_tool_that_needs_an_approval_is_403_and_does_nothing(
    agent: httpx.Client, simulator: SimulatorClient, db: Database, tool: str, arguments: dict
) -> None:
    before = db.execute("SELECT count(*) AS n FROM operations").fetchone()
    error = expect_error(invoke_tool(agent, tool, arguments), 403, "APPROVAL_REQUIRED")
    assert "a-1" in error["message"]
    assert "planted-secret" not in json.dumps(error)
    assert db.execute("SELECT count(*) AS n FROM operations").fetchone() == before
    assert simulator.list_calls() == []


@pytest.mark.parametrize("tool", TOOLS_WITH_APPROVAL)
def test_input_is_validated_before_an_approval_is_required(agent: httpx.Client, tool: str) -> None:
    error = expect_error(invoke_tool(agent, tool, {"surprise": "planted-secret"}), 422, "VALIDATION_ERROR")
    assert {"path": ["instanceId"], "message": "Field required"} in error["details"]
    assert "planted-secret" not in json.dumps(error)


def test_validation_issues_have_a_path_and_a_message(agent: httpx.Client) -> None:
    arguments = {"limit": "20", "offset": -1, "more": 1}
    error = expect_error(invoke_tool(agent, "conversation.list", arguments), 422, "VALIDATION_ERROR")
    assert [set(issue) for issue in error["details"]] == [{"path", "message"}] * 3
    assert [issue["path"] for issue in error["details"]] == [["limit"], ["offset"], ["more"]]
    error = expect_error(invoke_tool(agent, "time.now", {"timezone": "Mars/Base"}), 422, "VALIDATION_ERROR")
    assert (error["details"][0]["path"], "Mars/Base" in error["details"][0]["message"]) == (["timezone"], True)


@pytest.mark.parametrize("body", INVALID_BODIES)
def test_a_body_that_is_not_a_json_object_is_422(agent: httpx.Client, body: bytes) -> None:
    response = agent.post("/tools/time.now/invoke", content=body, headers={"Content-Type": "application/json"})
    assert expect_error(response, 422, "VALIDATION_ERROR")["details"]


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}", b'{"timezone": "UTC"}', b'\xef\xbb\xbf{"timezone": "UTC"}'])
@pytest.mark.parametrize("kind", CONTENT_TYPES)
def test_no_body_is_an_empty_input_and_its_type_does_not_matter(agent: httpx.Client, body: bytes, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    assert get_result(agent.post("/tools/time.now/invoke", content=body, headers=headers))["timezone"] == "UTC"


@pytest.mark.limit("request-body")
@pytest.mark.parametrize("size", [1024 * 1024 + 1, 2 * 1024 * 1024])
def test_a_body_over_the_limit_is_413(agent: httpx.Client, size: int) -> None:
    for kind in ("application/json", "application/octet-stream"):
        for content in (b" " * size, '{"x": "\N{OWL}"}'.encode().ljust(size)):
            response = agent.post("/tools/time.now/invoke", content=content, headers={"Content-Type": kind})
            assert "1024 KiB" in expect_error(response, 413, "PAYLOAD_TOO_LARGE")["message"]


@pytest.mark.limit("request-body")
@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream"])
def test_a_body_of_exactly_the_limit_is_accepted(agent: httpx.Client, kind: str) -> None:
    response = agent.post("/tools/time.now/invoke", content=b" " * 1024 * 1024, headers={"Content-Type": kind})
    assert get_result(response)


@pytest.mark.parametrize("encoded", ["time%2Enow", "%74ime.now", "time.no%77"])
def test_a_tools_id_may_be_url_encoded(agent: httpx.Client, encoded: str) -> None:
    assert get_result(invoke_tool(agent, encoded))["timezone"] == "UTC"


@pytest.mark.parametrize("tool", UNKNOWN_TOOL_IDS)
def test_a_tool_that_is_not_exposed_is_404(agent: httpx.Client, tool: str) -> None:
    target = httpx.URL(agent.base_url.copy_with(raw_path=f"/api/tools/{tool}/invoke".encode()))
    assert "/api/tools" in expect_error(agent.post(target, json={}), 404, "TOOL_NOT_FOUND")["message"]


def test_a_tool_that_raises_is_500_with_its_message(agent: httpx.Client) -> None:
    error = expect_error(invoke_tool(agent, "conversation.get", {"conversationId": "conv-none"}), 500, "TOOL_ERROR")
    assert error == {
        "code": "TOOL_ERROR", "message": "Conversation conv-none not found", "details": {"code": "NOT_FOUND"},
    }  # fmt: skip


def test_a_providers_error_is_returned_without_our_key(agent: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.inject_fault(
        "railway", "environment", "graphql_error", message="Not Authorized: sim-railway-key", times=None
    )
    error = expect_error(invoke_tool(agent, "instances.status"), 500, "TOOL_ERROR")
    assert "railway" in error["message"]
    assert "sim-railway-key" not in json.dumps(error)


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/capabilities"), ("GET", "/tools"), ("POST", "/tools/time.now/invoke"), ("POST", "/tools/none/invoke"),
    ("DELETE", "/tools"), ("OPTIONS", "/tools"), ("GET", "/nothing"), ("GET", "/"), ("GET", ""), ("POST", "/x/y/z"),
])  # fmt: skip
def test_without_a_user_everything_is_401(stack: Stack, method: str, path: str) -> None:
    with open_client(stack.url) as client:
        body = b"x" * 2_000_000 if method == "POST" else b""
        response = client.request(method, f"{stack.url}/api{path}", content=body)
    assert "X-User-Id" in expect_error(response, 401, "AUTH_REQUIRED")["message"]
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/tools/time.now", "/tools/time.now/invoke/", "/capabilities/",
                                  "/x/y/z", "/capabilities/%2e%2e", "/%F0%9F%99%82", "/a%2Fb"])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_route_under_the_prefix_is_404(agent: httpx.Client, stack: Stack, method: str, path: str) -> None:
    target = httpx.URL(f"{stack.url}/").copy_with(raw_path=f"/api{path}".encode())
    error = expect_error(agent.request(method, target), 404, "NOT_FOUND")
    assert error["message"].startswith(f"There is no {method} /api")


@pytest.mark.parametrize(
    ("path", "allowed"), [("/capabilities", "GET"), ("/tools", "GET"), ("/tools/x/invoke", "POST")]
)
def test_another_method_is_405_with_an_allow_header(agent: httpx.Client, path: str, allowed: str) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {allowed}:
        response = agent.request(method, path)
        expect_error(response, 405, "METHOD_NOT_ALLOWED")
        assert response.headers["allow"] == allowed
    response = agent.head("/capabilities")
    assert (response.status_code, response.content) == (405, b"")


@pytest.mark.parametrize("path", ["/apis", "/ap", "/api2/tools", "/API/tools", "/tools", "/capabilities"])
def test_errors_outside_the_prefix_have_the_services_apis_shape(api: httpx.Client, path: str) -> None:
    response = api.get(path)
    assert response.status_code == 404
    assert isinstance(response.json()["error"], str)


def test_the_services_key_identifies_no_user_and_a_user_has_no_services_key(
    api: httpx.Client, agent: httpx.Client
) -> None:
    expect_error(api.get("/api/tools"), 401, "AUTH_REQUIRED")
    response = agent.get(str(api.base_url.join("/registry")))
    assert (response.status_code, response.json()["error"]) == (401, "Invalid or missing API key")


def test_without_the_setting_no_other_origin_is_allowed(agent: httpx.Client) -> None:
    response = agent.get("/tools", headers={"Origin": "https://app.example"})
    assert not [name for name in response.headers if name.startswith("access-control")]
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    expect_error(agent.options("/tools", headers=preflight), 405, "METHOD_NOT_ALLOWED")

"""Invalid input of every kind is a 4xx in the contract's shape that names the problem, and changes nothing."""

import json
from urllib.parse import quote

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.clients import send_request
from tests.harness.database import Database
from tests.harness.stack import API_KEY

BODIES = {
    "/create-instance": {"instanceId": "x", "name": "x"},
    "/status/batch": {},
    "/provision/nobody/openrouter": {},
    "/configure/nobody": {"variables": {"A": "b"}},
}
ROUTES_BY_ID = [
    ("DELETE", "/destroy/{}", 404),
    ("POST", "/redeploy/{}", 404),
    ("POST", "/configure/{}", 404),
    ("POST", "/provision/{}/agentmail", 404),
    ("DELETE", "/destroy/{}/agentmail/x@agentmail.to", 404),
    ("GET", "/operations/{}", 404),
]
UNKNOWN_IDS = ["a" * 300, "a/b", "50%", "%41", "'; DROP TABLE operations; --", '"', "🙂", "<b>", "..", "a b", "ü", "\\"]
IDS_WITH_CONTROL_CHARACTERS = ["a\nb", "a\x00b", "\x7f", "a\r\nSet-Cookie: x"]


@pytest.fixture(autouse=True)
def assert_nothing_changes(api: httpx.Client, simulator: SimulatorClient, db: Database):
    def stored() -> list:
        tables = ("operations", "operation_resources", "instance_infra", "instance_services")
        return [db.execute(f"SELECT count(*) AS n FROM {table}").fetchone() for table in tables]

    before = stored()
    yield
    assert stored() == before
    assert simulator.list_calls() == []


def expect_error_message(response: httpx.Response, *statuses: int) -> str:
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"] == "application/json"
    assert isinstance(response.json()["error"], str)
    assert isinstance(response.json()["code"], str)
    return response.json()["error"]


@pytest.mark.parametrize(("method", "path", "status"), ROUTES_BY_ID)
@pytest.mark.parametrize("bad", UNKNOWN_IDS, ids=repr)
def test_unknown_ids_are_not_found(api: httpx.Client, method: str, path: str, status: int, bad: str) -> None:
    response = api.request(method, path.format(quote(bad, safe="")), json={"variables": {"A": "b"}})
    expect_error_message(response, status)


@pytest.mark.parametrize(("method", "path", "_status"), ROUTES_BY_ID)
@pytest.mark.parametrize("bad", IDS_WITH_CONTROL_CHARACTERS, ids=repr)
def test_ids_with_control_characters_are_400(api: httpx.Client, method: str, path: str, _status: int, bad: str) -> None:
    response = api.request(method, path.format(quote(bad, safe="")), json={"variables": {"A": "b"}})
    assert "control characters" in expect_error_message(response, 400)


@pytest.mark.parametrize(("method", "path", "_status"), ROUTES_BY_ID)
def test_empty_ids_match_no_route(api: httpx.Client, method: str, path: str, _status: int) -> None:
    expect_error_message(api.request(method, path.format("")), 404)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("body", [b"{", b"nonsense", b'"text"', b"[]", b"5", b"\xff\xfe", b"[" * 10_000, b"1" * 5_000])
def test_bodies_that_are_not_json_objects_are_400(api: httpx.Client, path: str, body: bytes) -> None:
    message = expect_error_message(api.post(path, content=body, headers={"Content-Type": "application/json"}), 400)
    assert "JSON" in message


@pytest.mark.parametrize(("kind", "says"), [
    ("application/json", "required"),
    ("application/json; charset=utf-8", "required"),
    ("", "required"),
    ("text/plain", "Content-Type: application/json"),
    ("application/octet-stream", "Content-Type: application/json"),
])  # fmt: skip
def test_a_body_needs_the_content_type_json_or_none(api: httpx.Client, kind: str, says: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = api.post("/create-instance", content=b'{"instanceId": "x"}', headers=headers)
    assert says in expect_error_message(response, 400)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("size", [2 * 1024 * 1024, 11 * 1024 * 1024])
def test_bodies_over_the_limit_are_413(api: httpx.Client, path: str, size: int) -> None:
    padding = "x" * size
    body = json.dumps({**BODIES[path], "padding": padding})
    response = api.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, "limit" in response.json()["error"]) == (413, True)


@pytest.mark.parametrize(("path", "body", "says"), [
    ("/create-instance", {"instanceId": 5, "name": "x"}, "instanceId"),
    ("/create-instance", {"instanceId": "x", "name": ["x"]}, "name"),
    ("/create-instance", {"instanceId": "x", "name": "x", "tools": "openrouter"}, "tools"),
    ("/create-instance", {"instanceId": "x", "name": "x", "tools": [None]}, "tools"),
    ("/create-instance", {"instanceId": "x", "name": "x", "tools": [""]}, "Unknown tool"),
    ("/create-instance", {"instanceId": "x", "name": " x"}, "name"),
    ("/create-instance", {"instanceId": "x", "name": "x\n"}, "name"),
    ("/create-instance", {"instanceId": "x", "name": "n" * 33}, "32"),
    ("/create-instance", {"instanceId": "x", "name": "🙂" * 33}, "32"),
    ("/create-instance", {"instanceId": "'", "name": "x"}, "instanceId"),
    ("/create-instance", {"instanceId": "x" * 300, "name": "x"}, "128"),
    ("/status/batch", {"instanceIds": "x"}, "instanceIds"),
    ("/status/batch", {"instanceIds": [5]}, "instanceIds"),
    ("/status/batch", {"instanceIds": {"x": 1}}, "instanceIds"),
    ("/configure/nobody", {"variables": "A=b"}, "variables"),
    ("/configure/nobody", {"variables": {"A": True}}, "variables.A"),
    ("/configure/nobody", {"variables": {"1A": "b"}}, "1A"),
    ("/configure/nobody", {"variables": {"N" * 300: "b"}}, "name"),
    ("/provision/nobody/openrouter", {"config": {"limit": []}}, "config.limit"),
])  # fmt: skip
def test_wrong_types_and_values_are_400_and_named(api: httpx.Client, path: str, body: dict, says: str) -> None:
    message = expect_error_message(api.post(path, json=body), 400)
    assert says in message
    assert len(message) < 600


REQUIRED = "instanceId and name are required"
NO_VARIABLES = "variables must be an object with at least one variable"


@pytest.mark.parametrize(("path", "body", "message"), [
    ("/create-instance", {}, REQUIRED),
    ("/create-instance", {"instanceId": "x"}, REQUIRED),
    ("/create-instance", {"name": "x"}, REQUIRED),
    ("/create-instance", {"instanceId": None, "name": "x"}, REQUIRED),
    ("/create-instance", {"instanceId": "x", "name": None}, REQUIRED),
    ("/create-instance", {"instanceId": None, "name": None}, REQUIRED),
    ("/create-instance", {"instanceId": "", "name": "x"}, REQUIRED),
    ("/create-instance", {"instanceId": "x", "name": ""}, REQUIRED),
    ("/create-instance", {"instanceId": 5, "name": "x"}, "instanceId must be a string"),
    ("/create-instance", {"instanceId": "x", "name": {}}, "name must be a string"),
    ("/create-instance", {"instanceId": "x", "name": "x", "tools": {}}, "tools must be a list"),
    ("/create-instance", {"instanceId": "x", "name": "x", "tools": [None]}, "tools.0 must be a string"),
    ("/status/batch", {"instanceIds": "x"}, "instanceIds must be a list"),
    ("/status/batch", {"instanceIds": [None]}, "instanceIds.0 must be a string"),
    ("/status/batch", {"maxAgeSeconds": "5"}, "maxAgeSeconds must be a number"),
    ("/status/batch", {"maxAgeSeconds": -1}, "maxAgeSeconds must be at least 0"),
    ("/configure/nobody", {}, NO_VARIABLES),
    ("/configure/nobody", {"variables": None}, NO_VARIABLES),
    ("/configure/nobody", {"variables": {}}, NO_VARIABLES),
    ("/configure/nobody", {"variables": []}, "variables must be an object"),
    ("/configure/nobody", {"variables": {"A": None}}, "variables.A must be a string"),
    ("/configure/nobody", {"variables": {"A": "b"}, "redeploy": "yes"}, "redeploy must be true or false"),
    ("/provision/nobody/openrouter", {"config": []}, "config must be an object"),
    ("/provision/nobody/openrouter", {"config": {"limit": "5"}}, "config.limit must be a number"),
])  # fmt: skip
def test_the_message_is_for_people(api: httpx.Client, path: str, body: dict, message: str) -> None:
    assert expect_error_message(api.post(path, json=body), 400) == message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_none_is_400(api: httpx.Client, number: str) -> None:
    response = api.post(
        "/status/batch", content=f'{{"maxAgeSeconds": {number}}}', headers={"Content-Type": "application/json"}
    )
    assert expect_error_message(response, 400) in (
        "maxAgeSeconds must be a finite number", "The request body is not valid JSON",
    )  # fmt: skip


@pytest.mark.parametrize("target", [
    "/", "/nothing", "/api-docs", "/apiary", "/%00", "/%zz", "/%ff", "/%2e%2e/api", "//", "/nothing/%2Fapi",
    "/registry/", "/operation", "/create-instance?x=%zz",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_a_route_that_does_not_exist_is_in_the_services_apis_shape(stack: Stack, method: str, target: str) -> None:
    status, headers, body = send_request(stack.url, method, target, headers={"Authorization": f"Bearer {API_KEY}"})
    assert status in (404, 405), body
    assert headers["content-type"] == "application/json"
    assert {"error", "code", "requestId"} <= body.keys()
    assert isinstance(body["error"], str)


@pytest.mark.parametrize("target", [
    "/api", "/api/", "/api/nothing", "/api/%00", "/api/%zz", "/api/%ff", "/api//", "/api/tools/a%2Fb/c",
    "/api/prompts", "/api/prompts/x/nothing", "/api/prompts/a/b/stream", "/api/tools/%zz/invoke",
    "/api/prompts/%zz/stream", "/api/prompt", "/api/capabilities",
])  # fmt: skip
def test_a_route_that_does_not_exist_under_the_prefix_is_in_the_agent_apis_shape(stack: Stack, target: str) -> None:
    status, headers, body = send_request(stack.url, "PUT", target, headers={"X-User-Id": "u1"})
    assert status in (404, 405), body
    assert headers["content-type"] == "application/json"
    assert body["error"]["code"] == {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}[status]
    assert set(body["error"]) == {"code", "message"}
    assert headers["x-request-id"]

"""What the MCP endpoint refuses of JSON-RPC, of the protocol's headers, and of HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.stack.stack import Stack
from tests.harness.agent_api import expect_error
from tests.harness.ids import unique_id
from tests.harness.mcp import (
    HANDSHAKE,
    STATELESS,
    build_stateless,
    mcp_client,
    post_handshake,
    post_stateless,
    read_error,
    read_result,
)  # fmt: skip

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"


@pytest.fixture
def mcp(stack: Stack) -> Iterator[httpx.Client]:
    with mcp_client(stack.url, unique_id("mcp-user-")) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700), (b"{", -32700), (b"\xff", -32700), (b"[" * 100_000, -32700), (b'{"id": NaN}', -32700),
        (b"1", -32600), (b"null", -32600), (b"{}", -32600),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', -32600),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(mcp: httpx.Client, body: bytes, code: int) -> None:
    response = mcp.post("/mcp", content=body)
    assert read_error(response, 400)[0] == code
    assert (response.json()["id"], response.json()["jsonrpc"]) == (None, "2.0")


@pytest.mark.limit("mcp-request-id")
def test_an_id_has_at_most_200_characters(mcp: httpx.Client) -> None:
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": "x" * 200, "method": "ping"}
    assert mcp.post("/mcp", json=body).json() == {"jsonrpc": "2.0", "id": "x" * 200, "result": {}}
    assert read_error(mcp.post("/mcp", json={**body, "id": "x" * 201}), 400)[0] == -32600


def test_methods_that_there_are_not(mcp: httpx.Client) -> None:
    for method in ("resources/list", "prompts/list", "server/discover", "subscriptions/listen", ""):
        assert read_error(post_handshake(mcp, method), 200)[0] == -32601
    for method in ("resources/list", "initialize/", "ping", "tools"):
        assert read_error(post_stateless(mcp, method), 404)[0] == -32601


def test_parameters_that_are_not_valid(mcp: httpx.Client) -> None:
    for params in ({}, {"name": 1}, {"name": "time_now", "arguments": []}, {"name": "time_now", "arguments": "x"}):
        assert read_error(post_handshake(mcp, "tools/call", params), 200)[0] == -32602
    for cursor in ("", "nothing", 1):
        assert read_error(post_stateless(mcp, "tools/list", {"cursor": cursor}), 400)[0] == -32602
    assert read_result(post_handshake(mcp, "tools/call", {"name": "time_now", "arguments": None}))["isError"] is False


def test_headers_and_envelope_have_to_agree(mcp: httpx.Client) -> None:
    body, headers = build_stateless("tools/call", {"name": "time_now"})
    assert mcp.post("/mcp", json=body, headers=headers).status_code == 200
    encoded = {**headers, "Mcp-Name": "=?base64?dGltZV9ub3c=?="}
    assert mcp.post("/mcp", json=body, headers=encoded).status_code == 200
    for changes in (
        {"Mcp-Method": "tools/list"}, {"Mcp-Name": "time.now"}, {"Mcp-Name": "=?base64?!?="}, {"Mcp-Method": ""},
    ):  # fmt: skip
        assert read_error(mcp.post("/mcp", json=body, headers={**headers, **changes}), 400)[0] == -32020
    for name in headers:
        # Without the version in a header its envelope still says what it is.
        rest = {key: value for key, value in headers.items() if key != name}
        assert read_error(mcp.post("/mcp", json=body, headers=rest), 400)[0] == -32020
    doubled = [*headers.items(), ("Mcp-Method", "tools/call")]
    assert read_error(mcp.post("/mcp", json=body, headers=doubled), 400)[0] == -32020
    for meta in ({}, {VERSION_KEY: STATELESS}, {VERSION_KEY: STATELESS, CAPABILITIES_KEY: []}):
        broken = {**body, "params": {"name": "time_now", "_meta": meta}}
        assert read_error(mcp.post("/mcp", json=broken, headers=headers), 400)[0] == -32602


def test_revisions_that_are_not_spoken(mcp: httpx.Client) -> None:
    body, headers = build_stateless("tools/list")
    for version in ("2027-01-01", "2024-11-05", "x"):
        response = mcp.post("/mcp", json=body, headers={**headers, "MCP-Protocol-Version": version})
        assert read_error(response, 400)[0] == -32022
        assert response.json()["error"]["data"] == {
            "supported": [STATELESS, HANDSHAKE, "2025-06-18"], "requested": version,
        }  # fmt: skip
    plain = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert mcp.post("/mcp", json=plain).status_code == 200, "without the header it is one with a handshake"


def test_http_is_refused_in_the_shape_of_the_agent_api(stack: Stack, mcp: httpx.Client) -> None:
    for method in ("GET", "DELETE", "PUT"):
        response = mcp.request(method, "/mcp")
        expect_error(response, 405, "METHOD_NOT_ALLOWED")
        assert response.headers["allow"] == "POST"
    response = httpx.post(f"{stack.url}/mcp", json={})
    expect_error(response, 401, "AUTH_REQUIRED")
    assert response.headers["www-authenticate"] == "Bearer"
    expect_error(mcp.post("/mcp", json={}, headers={"Origin": "https://evil.example"}), 403, "FORBIDDEN")
    for mebibytes in (1, 5):
        body = json.dumps({"x": "x" * mebibytes * 1024 * 1024})
        expect_error(mcp.post("/mcp", content=body), 413, "PAYLOAD_TOO_LARGE")


def test_a_notification_has_no_answer(mcp: httpx.Client) -> None:
    for version in (STATELESS, HANDSHAKE):
        body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        response = mcp.post("/mcp", json=body, headers={"MCP-Protocol-Version": version})
        assert (response.status_code, response.content.strip()) == (202, b"")

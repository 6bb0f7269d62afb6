"""Requests to the MCP endpoint as its two kinds of clients send them, without a client package."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from .clients import open_client

STATELESS, HANDSHAKE = "2026-07-28", "2025-11-25"
ACCEPT = "application/json, text/event-stream"


@contextmanager
def mcp_client(url: str, user_id: str) -> Iterator[httpx.Client]:
    """A client of the endpoint of the stack at `url`, for a user."""
    with open_client(url, {"X-User-Id": user_id, "Accept": ACCEPT}) as client:
        yield client


def build_stateless(
    method: str, params: dict[str, Any] | None = None, capabilities: dict[str, Any] | None = None, **meta: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Build body and headers of a request of the revision without sessions."""
    envelope = {
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": capabilities or {},
        **meta,
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**(params or {}), "_meta": envelope}}
    headers = {"MCP-Protocol-Version": STATELESS, "Mcp-Method": method}
    if method == "tools/call":
        headers["Mcp-Name"] = (params or {}).get("name", "")
    return body, headers


def post_stateless(
    client: httpx.Client, method: str, params: dict[str, Any] | None = None, **more: Any
) -> httpx.Response:
    """Send a request of the revision without sessions; for `more` see `build_stateless`."""
    body, headers = build_stateless(method, params, **more)
    return client.post("/mcp", json=body, headers=headers)


def post_handshake(
    client: httpx.Client, method: str, params: dict[str, Any] | None = None, **meta: Any
) -> httpx.Response:
    """Send a request of a revision with a handshake."""
    given = {**(params or {}), **({"_meta": meta} if meta else {})}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": given}
    return client.post("/mcp", json=body, headers={"MCP-Protocol-Version": HANDSHAKE})


def read_messages(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the messages of a response: one as JSON, or several as events."""
    if response.headers["content-type"] == "application/json":
        return [response.json()]
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = [frame for frame in response.text.split("\n\n") if frame and not frame.startswith(":")]
    assert all(frame.startswith("event: message\ndata: ") for frame in frames), response.text
    return [json.loads(frame.split("\n", 1)[1].removeprefix("data: ")) for frame in frames]


def read_result(response: httpx.Response) -> dict[str, Any]:
    """Return the result of a request that must have one."""
    assert response.status_code == 200, response.text
    last = read_messages(response)[-1]
    assert (last["jsonrpc"], last["id"], set(last)) == ("2.0", 1, {"jsonrpc", "id", "result"}), last
    return last["result"]


def read_error(response: httpx.Response, status: int) -> tuple[int, str]:
    """Return code and message of the error of a response that must have this status."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    return error["code"], error["message"]


def call_tool(
    client: httpx.Client, name: str, arguments: Any = None, *, can_ask: bool = False, **params: Any
) -> dict[str, Any]:
    """Call a tool in the revision without sessions; return the result."""
    capabilities = {"elicitation": {}} if can_ask else {}
    given = {"name": name, "arguments": {} if arguments is None else arguments, **params}
    return read_result(post_stateless(client, "tools/call", given, capabilities=capabilities))


def get_text(result: dict[str, Any]) -> str:
    """Return the text of a result, which must have exactly one."""
    (content,) = result["content"]
    assert content["type"] == "text"
    return content["text"]

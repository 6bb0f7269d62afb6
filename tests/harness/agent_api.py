"""Calls to the Agent API, and the shapes that its contract gives to results and errors."""

from typing import Any

import httpx


def invoke_tool(agent: httpx.Client, tool: str, arguments: object = None) -> httpx.Response:
    """POST /tools/{tool}/invoke, with an empty object by default."""
    return agent.post(f"/tools/{tool}/invoke", json={} if arguments is None else arguments)


def get_result(response: httpx.Response) -> Any:
    """Return the result of a tool that must have succeeded."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["result"]
    return response.json()["result"]


def expect_error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the `error` member of a response that must have the contract's shape, this status and this code."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    assert list(response.json()) == ["error"]
    error = response.json()["error"]
    assert set(error) - {"details"} == {"code", "message"}
    assert (error["code"], isinstance(error["message"], str)) == (code, True)
    return error

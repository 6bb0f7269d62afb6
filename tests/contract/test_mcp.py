"""The MCP endpoint's messages in both revisions, over HTTP; with the public clients it is tested in tests/clients/mcp."""

import json
from collections.abc import Iterator

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.agent_api import invoke_tool
from tests.harness.ids import unique_id
from tests.harness.mcp import (
    HANDSHAKE, STATELESS, call_tool, get_text, mcp_client, post_handshake, post_stateless, read_error, read_messages,
    read_result,
)  # fmt: skip
from tests.prompts.prompt_stream import decide_successfully, text_turn, unique_text


@pytest.fixture
def mcp(stack: Stack) -> Iterator[httpx.Client]:
    with mcp_client(stack.url, unique_id("mcp-user-")) as client:
        yield client


@pytest.fixture
def other_mcp(stack: Stack) -> Iterator[httpx.Client]:
    with mcp_client(stack.url, unique_id("mcp-other-user-")) as client:
        yield client


def test_both_revisions_are_offered(mcp: httpx.Client) -> None:
    discovered = read_result(post_stateless(mcp, "server/discover"))
    assert discovered["supportedVersions"] == [STATELESS, HANDSHAKE, "2025-06-18"]
    assert (discovered["resultType"], discovered["capabilities"]) == ("complete", {"tools": {"listChanged": False}})

    for wanted, given in ((HANDSHAKE, HANDSHAKE), ("2025-06-18", "2025-06-18"), ("2024-11-05", HANDSHAKE)):
        params = {"protocolVersion": wanted, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        initialized = read_result(post_handshake(mcp, "initialize", params))
        assert (initialized["protocolVersion"], initialized["serverInfo"]["name"]) == (given, "pointsman")
    assert read_result(post_handshake(mcp, "ping")) == {}
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    response = mcp.post("/mcp", json=notification, headers={"MCP-Protocol-Version": HANDSHAKE})
    assert (response.status_code, response.content.strip()) == (202, b"")


def test_the_tools_have_schemas_and_annotations(mcp: httpx.Client) -> None:
    tools = {tool["name"]: tool for tool in read_result(post_handshake(mcp, "tools/list"))["tools"]}
    assert read_result(post_stateless(mcp, "tools/list"))["tools"] == [*tools.values()]
    assert {"time_now", "instances_list", "instances_destroy", "conversation_create", "prompt", "prompt_result"} <= set(tools)
    assert all(tool["inputSchema"]["type"] == "object" for tool in tools.values())
    assert all(tool["outputSchema"]["type"] == "object" for tool in tools.values())
    assert tools["time_now"]["annotations"] == {
        "readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False,
    }  # fmt: skip
    assert tools["instances_destroy"]["annotations"] == {
        "readOnlyHint": False, "destructiveHint": True, "idempotentHint": True, "openWorldHint": True,
    }  # fmt: skip
    assert tools["instances_destroy"]["title"] == "Instances: destroy"


def test_a_tool_is_called(mcp: httpx.Client) -> None:
    result = call_tool(mcp, "time_now", {"timezone": "UTC"})
    assert (result["isError"], result["resultType"]) == (False, "complete")
    assert json.loads(get_text(result)) == result["structuredContent"]
    legacy = read_result(post_handshake(mcp, "tools/call", {"name": "time_now"}))
    assert set(legacy) == {"content", "isError", "structuredContent"}


def test_what_a_tool_refuses_is_a_result_that_a_model_can_read(mcp: httpx.Client) -> None:
    result = call_tool(mcp, "time_now", {"timezone": "Nowhere"})
    assert result["isError"] and "structuredContent" not in result
    assert get_text(result).startswith("VALIDATION_ERROR: The input of time.now is not valid: timezone")
    result = call_tool(mcp, "conversation_get", {"conversationId": "conv-" + "0" * 32})
    assert get_text(result).startswith("TOOL_ERROR: Conversation")
    code, message = read_error(post_stateless(mcp, "tools/call", {"name": "time.then"}), 400)
    assert (code, "'time.then'" in message) == (-32602, True)


def test_a_call_that_needs_an_approval_waits_in_the_list_of_approvals(
    mcp: httpx.Client, agent: httpx.Client
) -> None:
    agent.headers["X-User-Id"] = mcp.headers["X-User-Id"]
    instance_id = unique_id("nobody-")
    result = call_tool(mcp, "instances_destroy", {"instanceId": instance_id})
    assert result["isError"] and get_text(result).startswith("APPROVAL_REQUIRED: instances.destroy has not run")
    prompt_id, call_id = result["_meta"]["pointsman/promptId"], result["_meta"]["pointsman/toolCallId"]
    (pending,) = agent.get("/approvals").json()["approvals"]
    assert (pending["promptId"], pending["toolCallId"]) == (prompt_id, call_id)
    assert pending["input"] == {"instanceId": instance_id}
    decide_successfully(agent, prompt_id, toolCallId=call_id)
    outcome = call_tool(mcp, "prompt_result", {"promptId": prompt_id})["structuredContent"]
    assert outcome["status"] == "completed"
    (call,) = outcome["calls"]
    assert (call["tool"], call["status"]) == ("instances.destroy", "success"), call
    assert call["output"]["instanceId"] == instance_id

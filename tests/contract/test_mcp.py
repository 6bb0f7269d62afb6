"""The MCP endpoint's messages in both revisions, over HTTP; tests/clients/mcp has the public clients."""

import json
from collections.abc import Iterator

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.ids import unique_id
from tests.harness.mcp import (
    HANDSHAKE,
    STATELESS,
    call_tool,
    get_text,
    mcp_client,
    post_handshake,
    post_stateless,
    read_error,
    read_messages,
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
    assert {"time_now", "instances_list", "instances_destroy", "conversation_create", "prompt", "prompt_result"} <= set(
        tools
    )
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
    assert result["isError"]
    assert "structuredContent" not in result
    assert get_text(result).startswith("VALIDATION_ERROR: The input of time.now is not valid: timezone")
    result = call_tool(mcp, "conversation_get", {"conversationId": "conv-" + "0" * 32})
    assert get_text(result).startswith("TOOL_ERROR: Conversation")
    code, message = read_error(post_stateless(mcp, "tools/call", {"name": "time.then"}), 400)
    assert (code, "'time.then'" in message) == (-32602, True)


def test_a_call_that_needs_an_approval_waits_in_the_list_of_approvals(
    mcp: httpx.Client, agent: httpx.Client, api: httpx.Client
) -> None:
    agent.headers["X-User-Id"] = mcp.headers["X-User-Id"]
    arguments = {"instanceId": unique_id("mcp-").replace("_", "-")[-19:], "tools": []}
    result = call_tool(mcp, "instances_create", arguments)
    assert result["isError"]
    assert get_text(result).startswith("APPROVAL_REQUIRED: instances.create has not run")
    prompt_id, call_id = result["_meta"]["pointsman/promptId"], result["_meta"]["pointsman/toolCallId"]
    (pending,) = agent.get("/approvals").json()["approvals"]
    assert (pending["promptId"], pending["toolCallId"], pending["input"]) == (prompt_id, call_id, arguments)
    decide_successfully(agent, prompt_id, toolCallId=call_id)
    outcome = call_tool(mcp, "prompt_result", {"promptId": prompt_id})["structuredContent"]
    (call,) = outcome["calls"]
    assert (outcome["status"], call["tool"], call["status"]) == ("completed", "instances.create", "success"), call
    assert call["output"]["instanceId"] == arguments["instanceId"]
    assert api.delete(f"/destroy/{arguments['instanceId']}").status_code == 200


def test_a_prompt_reports_its_progress(mcp: httpx.Client, simulator: SimulatorClient) -> None:
    text = unique_text()
    now = {"calls": [{"name": "time.now", "call_id": "call_1", "arguments": {}}], "usage": None}
    simulator.script_model(now, text_turn("It is late"), match=text)
    response = post_stateless(mcp, "tools/call", {"name": "prompt", "arguments": {"input": text}}, progressToken="p-1")
    *progress, last = read_messages(response)
    assert all(message["method"] == "notifications/progress" for message in progress)
    params = [message["params"] for message in progress]
    assert {entry["progressToken"] for entry in params} == {"p-1"}
    assert [entry["progress"] for entry in params] == sorted({entry["progress"] for entry in params})
    outcome = last["result"]["structuredContent"]
    assert [entry["message"] for entry in params] == [
        f"{outcome['promptId']} has begun", "time.now runs", "time.now: done", "It is late", "Completed",
    ]  # fmt: skip
    assert (outcome["status"], outcome["text"], outcome["calls"][0]["tool"]) == ("completed", "It is late", "time.now")
    assert get_text(last["result"]) == "It is late"


def test_without_a_token_or_events_a_prompt_answers_with_json(mcp: httpx.Client, simulator: SimulatorClient) -> None:
    for accept in ("application/json, text/event-stream", "application/json"):
        text = unique_text()
        simulator.script_model(text_turn("Yes"), match=text)
        params = {"name": "prompt", "arguments": {"input": text}, "_meta": {"progressToken": 1}}
        if "event" in accept:
            del params["_meta"]
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        response = mcp.post("/mcp", json=body, headers={"Accept": accept})
        assert response.headers["content-type"] == "application/json"
        assert read_result(response)["structuredContent"]["text"] == "Yes"


def test_a_prompt_of_another_user_does_not_exist(
    mcp: httpx.Client, other_mcp: httpx.Client, simulator: SimulatorClient
) -> None:
    text = unique_text()
    simulator.script_model(text_turn("Mine"), match=text)
    prompt_id = call_tool(mcp, "prompt", {"input": text})["structuredContent"]["promptId"]
    assert call_tool(mcp, "prompt_result", {"promptId": prompt_id})["structuredContent"]["text"] == "Mine"
    result = call_tool(other_mcp, "prompt_result", {"promptId": prompt_id})
    assert (result["isError"], get_text(result)) == (True, f"PROMPT_NOT_FOUND: Prompt {prompt_id!r} not found")


def test_invalid_inputs_of_prompts_are_results(mcp: httpx.Client) -> None:
    for name, arguments in (
        ("prompt", {}), ("prompt", {"input": " "}), ("prompt", {"input": "x", "model": "best"}),
        ("prompt", {"input": "x", "temperature": 1}), ("prompt_result", {}), ("prompt_result", {"promptId": 1}),
    ):  # fmt: skip
        result = call_tool(mcp, name, arguments)
        assert (result["isError"], get_text(result).split(":")[0]) == (True, "VALIDATION_ERROR"), arguments
    for prompt_id in ("", "nothing", "prompt-" + "0" * 32, "\0", "x" * 1000):
        assert get_text(call_tool(mcp, "prompt_result", {"promptId": prompt_id})).startswith("PROMPT_NOT_FOUND: ")
    unknown = {"input": "x", "conversationId": "conv-" + "0" * 32}
    assert get_text(call_tool(mcp, "prompt", unknown)).startswith("NOT_FOUND: Conversation")

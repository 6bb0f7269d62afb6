"""The official TypeScript SDK: tools, an approval by its id, prompts, a cut connection, and a wrong credential."""

from pathlib import Path
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.mcp.conftest import McpUser
from tests.clients.mcp.node import PACKAGES, run_node
from tests.harness.clients import agent_client
from tests.prompts.prompt_stream import decide_successfully, text_turn, unique_text

pytestmark = pytest.mark.clients

SCRIPT = Path(__file__).with_name("typescript_client.mjs")
NOW = {"calls": [{"name": "time.now", "call_id": "call_1", "arguments": {}}], "usage": None}


def run(user: McpUser, home: Path, scenario: str, argument: str = "", headers: str | None = None) -> Any:
    given = headers or f'{{"X-User-Id": "{user.user_id}"}}'
    finished = run_node(SCRIPT, PACKAGES, user.url, given, scenario, argument, home=home)
    assert finished.code == 0, finished.problems
    return finished.parsed


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_tools_and_an_approval_by_its_id(user: McpUser, stack: Stack, tmp_path: Path, action: str) -> None:
    seen = run(user, tmp_path, "tools")
    tools = {tool["name"]: tool for tool in seen["tools"]}
    assert seen["server"]["name"] == "pointsman"
    assert (tools["time_now"]["annotations"]["readOnlyHint"], tools["time_now"]["title"]) == (True, "Time: now")
    assert tools["instances_destroy"]["annotations"]["destructiveHint"] is True
    assert seen["result"]["structuredContent"]["timezone"] == "UTC"
    assert (seen["failed"]["isError"], seen["asked"]["isError"]) == (True, True)
    assert seen["failed"]["content"][0]["text"].startswith("VALIDATION_ERROR: ")
    assert seen["asked"]["content"][0]["text"].startswith("APPROVAL_REQUIRED: ")
    meta = seen["asked"]["_meta"]
    with agent_client(stack.url, user.user_id) as agent:
        decide_successfully(agent, meta["pointsman/promptId"], action, toolCallId=meta["pointsman/toolCallId"])
    (call,) = run(user, tmp_path, "result", meta["pointsman/promptId"])["result"]["structuredContent"]["calls"]
    expected = "Instance nobody not found" if action == "approve" else "A person rejected this call"
    assert call["error"] == expected


def test_a_prompt_reports_its_progress(user: McpUser, simulator: SimulatorClient, tmp_path: Path) -> None:
    text = unique_text()
    simulator.script_model(NOW, text_turn("It is late"), match=text)
    seen = run(user, tmp_path, "prompt", text)
    assert seen["progress"][1:] == ["time.now runs", "time.now: done", "It is late", "Completed"]
    assert seen["result"]["structuredContent"]["text"] == "It is late"


def test_a_prompt_goes_on_when_its_connection_is_cut(user: McpUser, simulator: SimulatorClient, tmp_path: Path) -> None:
    text = unique_text()
    simulator.script_model(NOW, {**text_turn("Still here"), "latency_s": 3}, match=text)
    seen = run(user, tmp_path, "cut", text)
    assert seen["result"]["structuredContent"]["promptId"] == seen["promptId"]
    assert seen["result"]["content"][0]["text"] == "Still here"


def test_a_wrong_credential_is_refused(user: McpUser, tmp_path: Path) -> None:
    seen = run(user, tmp_path, "refused", headers='{"Authorization": "Bearer wrong"}')
    assert (seen["name"], seen["code"]) == ("StreamableHTTPError", 401), seen

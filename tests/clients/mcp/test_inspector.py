"""MCP Inspector's command line, in both revisions that it speaks."""

from pathlib import Path
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from tests.clients.mcp.conftest import McpUser
from tests.clients.mcp.node import Finished, run_inspector
from tests.prompts.prompt_stream import text_turn, unique_text

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_and_calls(user: McpUser, simulator: SimulatorClient, tmp_path: Path, era: str) -> None:
    def inspect(*arguments: str) -> Finished:
        headers = {"X-User-Id": user.user_id}
        return run_inspector(user.url, headers, "--protocol-era", era, *arguments, home=tmp_path)

    def call(name: str, *arguments: str) -> Any:
        given = [word for argument in arguments for word in ("--tool-arg", argument)]
        return inspect("--method", "tools/call", "--tool-name", name, *given).parsed

    # --strict fails for schemas that some clients do not take.
    listed = inspect("--method", "tools/list", "--strict")
    assert listed.code == 0, listed.problems
    tools = {tool["name"]: tool for tool in listed.parsed["result"]["tools"]}
    assert (tools["time_now"]["annotations"]["readOnlyHint"], tools["prompt"]["title"]) == (True, "Run a prompt")

    assert call("time_now", "timezone=UTC")["result"]["structuredContent"]["timezone"] == "UTC"
    failed = inspect("--method", "tools/call", "--tool-name", "time_now", "--tool-arg", "timezone=Nowhere")
    assert (failed.code, failed.parsed["result"]["isError"]) == (5, True)

    text = unique_text()
    simulator.script_model(text_turn("Yes"), match=text)
    assert call("prompt", f"input={text}")["result"]["structuredContent"]["text"] == "Yes"


def test_the_inspector_is_refused_without_a_user(user: McpUser, tmp_path: Path) -> None:
    refused = run_inspector(user.url, {}, "--stored-auth-only", "--method", "tools/list", home=tmp_path)
    assert refused.code != 0
    assert "401" in refused.problems + refused.output or "auth" in (refused.problems + refused.output).lower()

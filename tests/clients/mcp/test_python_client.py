"""The official Python client in both revisions: tools, approvals, prompts, and what one user may not do to another."""

from typing import Any

import anyio
import httpx
import pytest
from mcp import MCPError
from mcp_types import CallToolResult, InputRequiredResult, TextContent

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.mcp.conftest import Action, McpUser, Mode
from tests.harness.clients import agent_client
from tests.harness.instances import new_instance_id
from tests.prompts.prompt_stream import decide_successfully, destroy_turn, text_turn, unique_text

pytestmark = [pytest.mark.clients, pytest.mark.anyio]
MODES: list[Mode] = ["legacy", "2026-07-28", "auto"]
NOW = {"calls": [{"name": "time.now", "call_id": "call_1", "arguments": {}}], "usage": None}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def get_text(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.parametrize("mode", MODES)
async def test_tools_are_listed_and_called(user: McpUser, mode: Mode) -> None:
    async with user.connect(mode) as client:
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"time_now", "instances_create", "prompt", "prompt_result"} <= set(tools)
        hints = tools["instances_destroy"].annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint) == (False, True)
        hints = tools["time_now"].annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint) == (True, False)
        result = await client.call_tool("time_now", {"timezone": "UTC"})
        assert (result.is_error, result.structured_content["timezone"]) == (False, "UTC")
        result = await client.call_tool("time_now", {"timezone": "Nowhere"})
        assert result.is_error
        assert get_text(result).startswith("VALIDATION_ERROR: ")
        with pytest.raises(MCPError, match="There is no tool 'nothing'"):
            await client.call_tool("nothing", {})


async def test_an_approval_is_asked_and_granted(user: McpUser) -> None:
    instance_id = new_instance_id()
    async with user.connect(answer="accept") as client:
        created = await client.call_tool("instances_create", {"instanceId": instance_id, "tools": []})
        assert (created.is_error, created.structured_content["instanceId"]) == (False, instance_id)
        destroyed = await client.call_tool("instances_destroy", {"instanceId": instance_id})
        assert (destroyed.is_error, destroyed.structured_content["instanceId"]) == (False, instance_id)
    assert [question.split(" ")[0] for question in user.questions] == ["Creates", "Destroys"]
    assert instance_id in user.questions[0]


@pytest.mark.parametrize("answer", ["decline", "cancel"])
async def test_an_approval_is_asked_and_refused(user: McpUser, answer: Action) -> None:
    async with user.connect(answer=answer) as client:
        result = await client.call_tool("instances_destroy", {"instanceId": "nobody"})
        assert result.is_error
        assert get_text(result).startswith("APPROVAL_REJECTED: The call was not run")
    assert len(user.questions) == 1


async def test_an_answer_counts_once_and_for_its_user_only(user: McpUser, other_user: McpUser) -> None:
    arguments = {"instanceId": "nobody"}
    answer: Any = {"approval": {"action": "accept"}}
    async with user.connect(answer="accept") as client, other_user.connect(answer="accept") as other:
        asked = await client.session.call_tool("instances_destroy", arguments, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        state: Any = {"input_responses": answer, "request_state": asked.request_state}
        with pytest.raises(MCPError, match="The requestState is not one of this user"):
            await other.session.call_tool("instances_destroy", arguments, **state)
        with pytest.raises(MCPError, match="The requestState is not one of this user"):
            await client.session.call_tool("instances_destroy", {"instanceId": "somebody"}, **state)
        first = await client.session.call_tool("instances_destroy", arguments, **state)
        assert get_text(first) == "Instance nobody not found"
        replayed = await client.session.call_tool("instances_destroy", arguments, **state)
        assert replayed.is_error
        assert get_text(replayed).startswith("APPROVAL_NOT_WAITING: ")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_without_forms_the_answer_says_how_to_go_on(user: McpUser, stack: Stack, mode: Mode) -> None:
    async with user.connect(mode, answer="accept" if mode == "legacy" else None) as client:
        result = await client.call_tool("instances_destroy", {"instanceId": "nobody"})
        assert result.is_error
        assert get_text(result).startswith("APPROVAL_REQUIRED: instances.destroy has not run")
        assert result.meta is not None
        prompt_id, call_id = result.meta["pointsman/promptId"], result.meta["pointsman/toolCallId"]
        with agent_client(stack.url, user.user_id) as agent:
            decide_successfully(agent, prompt_id, toolCallId=call_id)
        outcome = (await client.call_tool("prompt_result", {"promptId": prompt_id})).structured_content
        assert (outcome["status"], outcome["calls"][0]["error"]) == ("completed", "Instance nobody not found")
    assert user.questions == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_prompt_reports_its_progress(user: McpUser, simulator: SimulatorClient, mode: Mode) -> None:
    text = unique_text()
    simulator.script_model(NOW, text_turn("It is late"), match=text)
    progress: list[tuple[float, str | None]] = []

    async def on_progress(done: float, _total: float | None, message: str | None) -> None:
        progress.append((done, message))

    async with user.connect(mode) as client:
        result = await client.call_tool("prompt", {"input": text}, progress_callback=on_progress)
    outcome = result.structured_content
    assert (result.is_error, outcome["status"], get_text(result)) == (False, "completed", "It is late")
    assert [message for _, message in progress] == [
        f"{outcome['promptId']} has begun", "time.now runs", "time.now: done", "It is late", "Completed",
    ]  # fmt: skip
    assert [done for done, _ in progress] == sorted({done for done, _ in progress})


async def test_a_prompts_approval_is_asked_in_the_middle(user: McpUser, simulator: SimulatorClient) -> None:
    text = unique_text()
    simulator.script_model(destroy_turn(), text_turn("There was nobody"), match=text)
    async with user.connect(answer="accept") as client:
        result = await client.call_tool("prompt", {"input": text})
    assert (get_text(result), len(user.questions)) == ("There was nobody", 1)


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_prompt_goes_on_when_its_connection_is_cut(
    user: McpUser, other_user: McpUser, simulator: SimulatorClient, mode: Mode
) -> None:
    text = unique_text()
    simulator.script_model(NOW, {**text_turn("Still here"), "latency_s": 3}, match=text)
    has_called = anyio.Event()
    messages: list[str] = []

    async def on_progress(_done: float, _total: float | None, message: str | None) -> None:
        messages.append(message or "")
        if message == "time.now: done":
            has_called.set()

    async with user.connect(mode) as client, anyio.create_task_group() as group:

        async def call() -> None:
            await client.call_tool("prompt", {"input": text}, progress_callback=on_progress)

        group.start_soon(call)
        await has_called.wait()
        group.cancel_scope.cancel()
    prompt_id = messages[0].split()[0]
    async with user.connect(mode) as client, other_user.connect(mode) as other:
        result = await client.call_tool("prompt_result", {"promptId": prompt_id})
        assert (result.is_error, get_text(result)) == (False, "Still here")
        assert get_text(await other.call_tool("prompt_result", {"promptId": prompt_id})).startswith(
            "PROMPT_NOT_FOUND: "
        )


@pytest.mark.parametrize("mode", MODES)
async def test_a_wrong_credential_is_refused(user: McpUser, mode: Mode) -> None:
    with pytest.raises(BaseExceptionGroup) as refused:
        async with user.connect(mode, headers={"X-User-Id": ""}) as client:
            await client.list_tools()
    assert refused.group_contains(MCPError)
    response = httpx.post(user.url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")

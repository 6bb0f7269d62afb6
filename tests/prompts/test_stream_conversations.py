"""Conversations over HTTP: history, one prompt at a time, title, order, isolation between users."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.simulator import model_requests
from tests.prompts.prompt_stream import (
    decide_successfully,
    destroy_turn,
    get_prompt,
    post_prompt,
    run_prompt,
    start_prompt,
    text_turn,
    unique_text,
)
from tests.prompts.sse_readers import Message


@pytest.fixture
def conversation_id(agent: httpx.Client) -> str:
    return create_conversation(agent)


def create_conversation(agent: httpx.Client) -> str:
    return get_result(invoke_tool(agent, "conversation.create"))["id"]


def get_conversation(agent: httpx.Client, conversation_id: str) -> dict[str, Any]:
    return get_result(invoke_tool(agent, "conversation.get", {"conversationId": conversation_id}))


def list_conversations(agent: httpx.Client) -> list[dict[str, Any]]:
    return get_result(invoke_tool(agent, "conversation.list"))["conversations"]


def model_inputs(simulator: SimulatorClient) -> list[list[tuple[str, str]]]:
    """Return the items of each request to the model: role or type, and text."""
    return [
        [(item.get("role") or item["type"], item.get("text", "")) for item in body["input"]]
        for body in model_requests(simulator)
    ]


def has_completed(messages: list[Message]) -> bool:
    return messages[-1].event == "prompt.completed"


def test_model_gets_the_conversations_whole_history(
    agent: httpx.Client, simulator: SimulatorClient, conversation_id: str
) -> None:
    first, second, third = unique_text("First"), unique_text("Second"), unique_text("Third")
    simulator.script_model({"reasoning": "Hm.", **destroy_turn()}, text_turn("It was not there."), match=first)
    stream = post_prompt(agent, first, conversationId=conversation_id)
    stream.read_until_event("prompt.approval")
    decide_successfully(agent, stream.prompt_id)
    assert has_completed(stream.read_to_end())
    for text in (second, third):
        simulator.script_model(text_turn(f"About {text}"), match=text)
        assert has_completed(post_prompt(agent, text, conversationId=conversation_id).read_to_end())
    prompts = get_conversation(agent, conversation_id)["prompts"]
    assert [(prompt["input"], prompt["status"]) for prompt in prompts] == [
        (text, "completed") for text in (first, second, third)
    ]
    first_items = [
        ("user", first), ("reasoning", ""), ("function_call", '{"instanceId": "nobody"}'),
        ("function_call_output", '{"error": "Instance nobody not found"}'),
    ]  # fmt: skip
    after_first = [*first_items, ("assistant", "It was not there."), ("user", second)]
    assert model_inputs(simulator) == [
        first_items[:1], first_items, after_first, [*after_first, ("assistant", f"About {second}"), ("user", third)],
    ]  # fmt: skip


def test_history_excludes_other_conversations(
    agent: httpx.Client, simulator: SimulatorClient, conversation_id: str
) -> None:
    for where in ({"conversationId": conversation_id}, {"conversationId": create_conversation(agent)}, {}):
        assert has_completed(run_prompt(agent, simulator, text_turn("Hello."), **where))
    assert [len(items) for items in model_inputs(simulator)] == [1, 1, 1]


def test_cancelled_prompt_stays_in_the_history_with_a_result_for_its_call(
    agent: httpx.Client, simulator: SimulatorClient, conversation_id: str
) -> None:
    stream = start_prompt(agent, simulator, destroy_turn(), conversationId=conversation_id)
    stream.read_until_event("prompt.approval")
    agent.post(f"/prompts/{stream.prompt_id}/cancel")
    assert stream.read_to_end()[-1].event == "error"
    assert has_completed(run_prompt(agent, simulator, text_turn("Hello."), conversationId=conversation_id))
    kinds = [kind for kind, _ in model_inputs(simulator)[-1]]
    assert kinds == ["user", "function_call", "function_call_output", "user"]
    assert model_inputs(simulator)[-1][2][1] == '{"error": "Not run: the prompt was cancelled"}'


@pytest.mark.parametrize("end", ["approve", "cancel"])
def test_second_prompt_while_one_runs_or_waits_is_409(
    agent: httpx.Client, simulator: SimulatorClient, conversation_id: str, end: str
) -> None:
    stream = start_prompt(
        agent, simulator, {**destroy_turn(), "latency_s": 0.3}, text_turn("Well."), conversationId=conversation_id
    )
    stream.next_event()
    body = {"input": "Another", "conversationId": conversation_id}
    expect_error(agent.post("/prompt", json=body), 409, "CONVERSATION_BUSY")
    stream.read_until_event("prompt.approval")
    expect_error(agent.post("/prompt", json=body), 409, "CONVERSATION_BUSY")
    agent.post(f"/prompts/{stream.prompt_id}/{end}", json={"toolCallId": "call_1"} if end == "approve" else None)
    stream.read_to_end()
    assert has_completed(run_prompt(agent, simulator, text_turn("Now."), conversationId=conversation_id))
    assert [prompt["status"] for prompt in get_conversation(agent, conversation_id)["prompts"]] == [
        "completed" if end == "approve" else "cancelled", "completed",
    ]  # fmt: skip


def test_conversation_of_another_user_is_not_found_and_unchanged(
    agent: httpx.Client, other_agent: httpx.Client, conversation_id: str
) -> None:
    for other_id in (conversation_id, "conv-" + "0" * 32, "nonsense"):
        expect_error(other_agent.post("/prompt", json={"input": "Hello", "conversationId": other_id}), 404, "NOT_FOUND")
    assert get_conversation(agent, conversation_id)["prompts"] == []


def test_title_comes_from_the_first_prompt_and_the_last_used_is_listed_first(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    older, newer = create_conversation(agent), create_conversation(agent)
    assert [(conversation["id"], "title" in conversation) for conversation in list_conversations(agent)] == [
        (newer, False),
        (older, False),
    ]
    for text, where in (("\n  A   title\nand more", older), ("Another title", newer), ("No title", older)):
        simulator.script_model(text_turn("Hello."), match=text)
        assert has_completed(post_prompt(agent, text, conversationId=where).read_to_end())
    assert [(conversation["id"], conversation["title"]) for conversation in list_conversations(agent)] == [
        (older, "A title"),
        (newer, "Another title"),
    ]
    first, second = list_conversations(agent)
    assert first["updatedAt"] > second["updatedAt"] > second["createdAt"]


def test_prompt_survives_its_conversation(
    agent: httpx.Client, simulator: SimulatorClient, conversation_id: str
) -> None:
    prompt_id = run_prompt(agent, simulator, text_turn("Hello."), conversationId=conversation_id)[0].data["promptId"]
    assert get_prompt(agent, prompt_id)["conversationId"] == conversation_id
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": conversation_id})) == {
        "deleted": True
    }
    assert "conversationId" not in get_prompt(agent, prompt_id)
    expect_error(agent.post("/prompt", json={"input": "Hello", "conversationId": conversation_id}), 404, "NOT_FOUND")

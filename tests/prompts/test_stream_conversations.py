"""Conversations over HTTP: what the model is told of the earlier prompts, one at a time, title, order, whose it is."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.contract.test_agent_api import invoke, refused, result
from tests.prompts.following import asked, begun, destruction, fresh_text, granted, page, played, said, user
from tests.prompts.readers import Message


@pytest.fixture
def conversation(agent: httpx.Client) -> str:
    return made(agent)


@pytest.fixture
def stranger(stack: Stack) -> Iterator[httpx.Client]:
    with user(stack.url, "somebody-else") as client:
        yield client


def made(agent: httpx.Client) -> str:
    return result(invoke(agent, "conversation.create"))["id"]


def got(agent: httpx.Client, conversation_id: str) -> dict[str, Any]:
    return result(invoke(agent, "conversation.get", {"conversationId": conversation_id}))


def listed(agent: httpx.Client) -> list[dict[str, Any]]:
    return result(invoke(agent, "conversation.list"))["conversations"]


def told(simulator: SimulatorClient) -> list[list[tuple[str, str]]]:
    """What the model was asked each time: the role or kind of each item, and its text."""
    bodies: list[Any] = [call.body for call in simulator.calls() if call.provider == "model"]
    return [[(item.get("role") or item["type"], item.get("text", "")) for item in body["input"]] for body in bodies]


def completed(messages: list[Message]) -> bool:
    return messages[-1].event == "prompt.completed"


def test_model_is_told_all_that_was_said_and_done_before(
    agent: httpx.Client, simulator: SimulatorClient, conversation: str
) -> None:
    first, second, third = fresh_text("First"), fresh_text("Second"), fresh_text("Third")
    simulator.script_model({"reasoning": "Hm.", **destruction()}, said("It was not there."), match=first)
    stream = asked(agent, first, conversationId=conversation)
    stream.to("prompt.approval")
    granted(agent, stream.prompt_id)
    assert completed(stream.to_the_end())
    for text in (second, third):
        simulator.script_model(said(f"About {text}"), match=text)
        assert completed(asked(agent, text, conversationId=conversation).to_the_end())
    prompts = got(agent, conversation)["prompts"]
    assert [(one["input"], one["status"]) for one in prompts] == [
        (text, "completed") for text in (first, second, third)
    ]
    done = [
        ("user", first), ("reasoning", ""), ("function_call", '{"instanceId": "nobody"}'),
        ("function_call_output", '{"error": "Instance nobody not found"}'),
    ]  # fmt: skip
    after_first = [*done, ("assistant", "It was not there."), ("user", second)]
    assert told(simulator) == [
        done[:1], done, after_first, [*after_first, ("assistant", f"About {second}"), ("user", third)],
    ]  # fmt: skip


def test_prompts_without_a_conversation_and_in_another_are_not_told(
    agent: httpx.Client, simulator: SimulatorClient, conversation: str
) -> None:
    for where in ({"conversationId": conversation}, {"conversationId": made(agent)}, {}):
        assert completed(played(agent, simulator, said("Hello."), **where))
    assert [len(items) for items in told(simulator)] == [1, 1, 1]


def test_cancelled_prompt_stays_in_the_history_with_a_result_for_its_call(
    agent: httpx.Client, simulator: SimulatorClient, conversation: str
) -> None:
    stream = begun(agent, simulator, destruction(), conversationId=conversation)
    stream.to("prompt.approval")
    agent.post(f"/prompts/{stream.prompt_id}/cancel")
    assert stream.to_the_end()[-1].event == "error"
    assert completed(played(agent, simulator, said("Hello."), conversationId=conversation))
    kinds = [kind for kind, _ in told(simulator)[-1]]
    assert kinds == ["user", "function_call", "function_call_output", "user"]
    assert told(simulator)[-1][2][1] == '{"error": "Not run: the prompt was cancelled"}'


@pytest.mark.parametrize("end", ["approve", "cancel"])
def test_second_prompt_while_the_first_runs_or_waits_is_409(
    agent: httpx.Client, simulator: SimulatorClient, conversation: str, end: str
) -> None:
    stream = begun(agent, simulator, {**destruction(), "latency_s": 0.3}, said("Well."), conversationId=conversation)
    stream.next()
    body = {"input": "Another", "conversationId": conversation}
    refused(agent.post("/prompt", json=body), 409, "CONVERSATION_BUSY")
    stream.to("prompt.approval")
    refused(agent.post("/prompt", json=body), 409, "CONVERSATION_BUSY")
    agent.post(f"/prompts/{stream.prompt_id}/{end}", json={"toolCallId": "call_1"} if end == "approve" else None)
    stream.to_the_end()
    assert completed(played(agent, simulator, said("Now."), conversationId=conversation))
    assert [one["status"] for one in got(agent, conversation)["prompts"]] == [
        "completed" if end == "approve" else "cancelled", "completed",
    ]  # fmt: skip


def test_conversation_of_somebody_else_is_not_found_and_stays_as_it_is(
    agent: httpx.Client, stranger: httpx.Client, conversation: str
) -> None:
    for wanted in (conversation, "conv-" + "0" * 32, "nonsense"):
        refused(stranger.post("/prompt", json={"input": "Hello", "conversationId": wanted}), 404, "NOT_FOUND")
    assert got(agent, conversation)["prompts"] == []


def test_title_is_the_first_prompts_and_the_last_used_is_listed_first(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    older, newer = made(agent), made(agent)
    assert [(one["id"], "title" in one) for one in listed(agent)] == [(newer, False), (older, False)]
    for text, where in (("\n  A   title\nand more", older), ("Another title", newer), ("No title", older)):
        simulator.script_model(said("Hello."), match=text)
        assert completed(asked(agent, text, conversationId=where).to_the_end())
    assert [(one["id"], one["title"]) for one in listed(agent)] == [(older, "A title"), (newer, "Another title")]
    first, second = listed(agent)
    assert first["updatedAt"] > second["updatedAt"] > second["createdAt"]


def test_page_of_a_prompt_names_its_conversation_and_survives_it(
    agent: httpx.Client, simulator: SimulatorClient, conversation: str
) -> None:
    prompt_id = played(agent, simulator, said("Hello."), conversationId=conversation)[0].data["promptId"]
    assert page(agent, prompt_id)["conversationId"] == conversation
    assert result(invoke(agent, "conversation.delete", {"conversationId": conversation})) == {"deleted": True}
    assert "conversationId" not in page(agent, prompt_id)
    refused(agent.post("/prompt", json={"input": "Hello", "conversationId": conversation}), 404, "NOT_FOUND")

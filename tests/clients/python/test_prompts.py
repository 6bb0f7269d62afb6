"""Prompts through the Python client: text, tools, approvals, and streams that were cut."""

import asyncio
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.cutting_proxy import CuttingProxy
from tests.prompts.prompt_stream import destroy_turn, text_turn, unique_text

pytestmark = pytest.mark.clients


@pytest.fixture
def cut_off_person(sdk: ModuleType, proxy: CuttingProxy, retries: Any, user_id: str) -> Iterator[Any]:
    """The same user through the proxy."""
    with sdk.Agent(proxy.url, user_id=user_id, retries=retries) as client:
        yield client


def names(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


def script(simulator: SimulatorClient, *turns: dict[str, Any]) -> str:
    """Script the model for a new text; returns that."""
    text = unique_text()
    simulator.script_model(*turns, match=text)
    return text


def tool_turn() -> dict[str, Any]:
    return {"calls": [{"name": "time.now", "call_id": "call_t", "arguments": {"timezone": "UTC"}}], "usage": None}


def test_a_text_with_its_deltas(person: Any, simulator: SimulatorClient) -> None:
    text = script(simulator, text_turn("It is a quarter past ten in the morning."))
    events = [*person.prompt(text, deltas=True)]
    deltas = [event.text for event in events if type(event).__name__ == "TextDelta"]
    others = [event for event in events if event.id is not None]
    assert names(others) == ["PromptCreated", "TextOutput", "PromptCompleted"]
    assert others[1].content == "It is a quarter past ten in the morning."
    assert others[1].content.startswith("".join(deltas))
    assert len(deltas) > 1
    assert [event.id for event in others] == ["1", "2", "3"]


def test_a_tool_and_the_event_that_it_begins(person: Any, simulator: SimulatorClient) -> None:
    text = script(simulator, tool_turn(), text_turn("Well."))
    events = [*person.prompt(text, all_events=True)]
    assert names(events) == ["PromptCreated", "CallStarted", "ToolOutput", "TextOutput", "PromptCompleted"]
    assert (events[1].tool_call_id, events[1].tool_name) == ("call_t", "time.now")
    assert (events[2].tool_name, events[2].output["timezone"], events[2].error) == ("time.now", "UTC", None)


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_an_approval_that_is_decided(person: Any, simulator: SimulatorClient, decision: str) -> None:
    text = script(simulator, destroy_turn(), text_turn("Well."))
    events = []
    with person.prompt(text, all_events=True) as stream:
        for event in stream:
            events.append(event)
            if type(event).__name__ == "ApprovalAsked":
                (waiting,) = person.list_approvals()
                assert (waiting.tool_call_id, waiting.prompt_id) == (event.tool_call_id, event.prompt_id)
                assert person.get_prompt(event.prompt_id).status == "waiting"
                if decision == "approved":
                    assert person.approve(event.prompt_id, event.tool_call_id, input=event.input).status == "approved"
                else:
                    decided = person.reject(event.prompt_id, event.tool_call_id, "Not today.")
                    assert decided.status == "rejected"
    (recorded,) = [event for event in events if type(event).__name__ == "ApprovalDecided"]
    (output,) = [event for event in events if type(event).__name__ == "ToolOutput"]
    assert (recorded.decision, recorded.decided_by is not None) == (decision, True)
    if decision == "rejected":
        assert (recorded.reason, "Not today." in output.error) == ("Not today.", True)
    assert names(events)[-1] == "PromptCompleted"


def test_a_stream_that_is_cut_goes_on_without_loss_or_repetition(
    person: Any, cut_off_person: Any, proxy: CuttingProxy, simulator: SimulatorClient
) -> None:
    text = script(simulator, tool_turn(), tool_turn() | {"usage": None}, text_turn("Well, here it is."))
    proxy.cut("POST /api/prompt", "event: prompt.output")
    proxy.cut("/stream", "Well, here it is.")
    stream = cut_off_person.prompt(text, all_events=True)
    events = [*stream]
    assert proxy.cut_count == 2
    whole = [*person.follow(stream.prompt_id, all_events=True)]
    assert [(event.id, event.data) for event in events] == [(event.id, event.data) for event in whole]
    assert [request.partition(" ")[0] for request in proxy.requests] == ["POST", "GET", "GET"]
    assert len([*person.list_prompts()]) == 1
    last = [header for header in proxy.headers[-1].splitlines() if header.lower().startswith("last-event-id")]
    assert len(last) == 1


def test_a_submission_whose_answer_is_lost_makes_one_prompt(
    person: Any, cut_off_person: Any, proxy: CuttingProxy, simulator: SimulatorClient
) -> None:
    text = script(simulator, text_turn("Once."))
    proxy.cut("POST /api/prompt", times=2)
    events = [*cut_off_person.prompt(text)]
    assert names(events) == ["PromptCreated", "TextOutput", "PromptCompleted"]
    assert (proxy.cut_count, len(proxy.requests)) == (2, 3)
    assert len([*person.list_prompts()]) == 1


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_a_decision_whose_answer_is_lost_is_found_again(
    person: Any, cut_off_person: Any, proxy: CuttingProxy, simulator: SimulatorClient, action: str
) -> None:
    text = script(simulator, destroy_turn(), text_turn("Well."))
    proxy.cut(f"/{action}")
    for event in person.prompt(text):
        if type(event).__name__ == "ApprovalAsked":
            decided = getattr(cut_off_person, action)(event.prompt_id, event.tool_call_id)
            assert (decided.status, proxy.cut_count) == ({"approve": "approved", "reject": "rejected"}[action], 1)
    assert names([event]) == ["PromptCompleted"]


def test_a_stream_is_left_and_followed_after_its_last_event(person: Any, simulator: SimulatorClient) -> None:
    text = script(simulator, destroy_turn(), text_turn("Well."))
    with person.prompt(text) as stream:
        while type(next(stream)).__name__ != "ApprovalAsked":
            pass
    assert person.cancel(stream.prompt_id).status == "cancelled"
    (last,) = person.follow(stream.prompt_id, stream.last_event_id)
    assert names([last]) == ["PromptFailed"]
    assert [*person.follow(stream.prompt_id, last.id)] == []


def test_waiting_ends_at_the_timeout_and_the_prompt_goes_on(
    sdk: ModuleType, person: Any, simulator: SimulatorClient
) -> None:
    text = script(simulator, destroy_turn(), text_turn("Well."))
    stream = person.prompt(text, timeout=2)
    with pytest.raises(sdk.WaitTimeout) as caught:
        list(stream)
    assert caught.value.details == {"promptId": stream.prompt_id}
    (listed,) = person.list_prompts(status="waiting")
    assert listed.id == stream.prompt_id
    person.cancel(listed.id)


def test_the_async_client_follows_decides_and_resumes(
    sdk: ModuleType, proxy: CuttingProxy, retries: Any, simulator: SimulatorClient, user_id: str
) -> None:
    text = script(simulator, destroy_turn(), text_turn("Well."))
    proxy.cut("POST /api/prompt", "event: prompt.approval")
    proxy.cut("/approve")

    async def run() -> list[Any]:
        events = []
        async with sdk.AsyncAgent(proxy.url, user_id=user_id, retries=retries) as agent:
            async for event in agent.prompt(text):
                events.append(event)
                if type(event).__name__ == "ApprovalAsked":
                    assert (await agent.approve(event.prompt_id, event.tool_call_id)).status == "approved"
            assert (await agent.cancel(events[0].prompt_id)).status == "completed"
        return events

    events = asyncio.run(run())
    assert names(events) == ["PromptCreated", "ApprovalAsked", "ToolOutput", "TextOutput", "PromptCompleted"]
    assert proxy.cut_count == 2


def test_a_conversation_that_does_not_exist(sdk: ModuleType, person: Any) -> None:
    with pytest.raises(sdk.PointsmanError) as caught:
        list(person.prompt("Hello.", conversation_id="conv-unknown"))
    assert (caught.value.status, caught.value.code) == (404, "NOT_FOUND")
    assert caught.value.request_id


def test_another_users_prompt_is_not_found(
    sdk: ModuleType, stack: Stack, person: Any, simulator: SimulatorClient
) -> None:
    prompt_id = next(iter(person.prompt("What time is it?"))).prompt_id
    with sdk.Agent(stack.url, user_id="somebody-else") as other, pytest.raises(sdk.PointsmanError) as caught:
        list(other.follow(prompt_id))
    assert (caught.value.status, caught.value.code) == (404, "PROMPT_NOT_FOUND")

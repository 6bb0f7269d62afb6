"""AG-UI's `HttpAgent` (`@ag-ui/client` 1.0), which verifies the events, and the Python types, against the stack."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from ag_ui.core import Event
from pydantic import BaseModel, TypeAdapter

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.node_driver import NodeDriver, run_script
from tests.clients.stream_cutter import start_stream_cutter
from tests.harness.ids import unique_id
from tests.prompts.prompt_stream import destroy_turn, open_stream, text_turn, unique_text

pytestmark = pytest.mark.clients

SCRIPT = Path(__file__).parent / "agent.cjs"
CHAT_SCRIPT = Path(__file__).parents[1] / "aisdk/chat.cjs"
LONG_TEXT = "One two three four five six seven eight nine ten."
EVENTS: TypeAdapter[BaseModel] = TypeAdapter(Event)


class Agent:
    """An agent of a user in Node, on a thread of its own."""

    def __init__(self, driver: NodeDriver, url: str, user: str) -> None:
        self.thread_id, self._driver = unique_id("thread-"), driver
        self._url, self._headers = url, {"X-User-Id": user}
        self.open()

    def open(self, url: str | None = None, **options: Any) -> None:
        headers = options.pop("headers", self._headers)
        self._driver.call(
            "open", url=f"{url or self._url}/api/agui", headers=headers, threadId=self.thread_id, **options
        )

    def add(self, text: str, message_id: str | None = None) -> None:
        self._driver.call("add", id=message_id or unique_id("message-"), content=text)

    def run(self, **arguments: Any) -> dict[str, Any]:
        """Run the agent; all events that have come fit the Python types."""
        state = self._driver.call("run", **arguments)
        for event in state["events"]:
            require_known_members(EVENTS.validate_python(event))
        return state


def require_known_members(model: BaseModel) -> None:
    """The types keep members that the protocol does not know; we send none."""
    assert not model.model_extra, model
    for value in dict(model).values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, BaseModel):
                require_known_members(item)


@pytest.fixture(scope="module")
def driver() -> Iterator[NodeDriver]:
    with run_script(SCRIPT) as driver:
        yield driver


@pytest.fixture
def agui(driver: NodeDriver, stack: Stack, agent: httpx.Client) -> Agent:
    return Agent(driver, stack.url, agent.headers["x-user-id"])


def ask(agui: Agent, simulator: SimulatorClient, *turns: dict[str, Any], **options: Any) -> dict[str, Any]:
    text = unique_text()
    simulator.script_model(*turns, match=text)
    agui.add(text)
    return agui.run(**options)


def types(state: dict[str, Any]) -> list[str]:
    return [event["type"] for event in state["events"]]


def texts(state: dict[str, Any]) -> list[str]:
    return [m["content"] for m in state["messages"] if m["role"] == "assistant" and m.get("content")]


def approve(interrupt: dict[str, Any], is_approved: bool = True, **payload: Any) -> list[dict[str, Any]]:
    payload = {"approved": is_approved, **payload}
    return [{"interruptId": interrupt["id"], "status": "resolved", "payload": payload}]


def test_a_text_arrives_while_it_is_generated_with_its_usage(agui: Agent, simulator: SimulatorClient) -> None:
    usage = {"input_tokens": 12, "output_tokens": 5}
    state = ask(agui, simulator, {"text": LONG_TEXT, "usage": usage, "gap_s": 0.05}, runId="run-1")
    assert texts(state) == [LONG_TEXT]
    assert types(state)[:2] == ["RUN_STARTED", "TEXT_MESSAGE_START"]
    assert types(state).count("TEXT_MESSAGE_CONTENT") > 3
    finished = state["events"][-1]
    assert (finished["threadId"], finished["runId"]) == (agui.thread_id, "run-1")
    assert finished["usage"] == [{"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}]
    assert state["result"]["usage"] == finished["usage"][0]


def test_a_tool_runs(agui: Agent, simulator: SimulatorClient) -> None:
    calls = {
        "text": "Let me look.",
        "calls": [{"name": "time.now", "call_id": "call_1", "arguments": {}}],
        "usage": None,
    }
    state = ask(agui, simulator, calls, text_turn("It is late."))
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "tool", "assistant"]
    asking, result = state["messages"][1:3]
    assert asking["content"] == "Let me look."
    assert asking["toolCalls"][0]["function"] == {"name": "time.now", "arguments": "{}"}
    assert (result["toolCallId"], texts(state)) == ("call_1", ["Let me look.", "It is late."])


@pytest.mark.parametrize("is_approved", [True, False])
def test_an_approval_interrupts_the_run_and_is_answered(
    agui: Agent, simulator: SimulatorClient, is_approved: bool
) -> None:
    state = ask(agui, simulator, destroy_turn(), text_turn("Well."))
    (interrupt,) = state["pending"]
    assert (interrupt["reason"], interrupt["toolCallId"]) == ("tool_call", "call_1")
    assert interrupt["responseSchema"]["required"] == ["approved"]
    assert datetime.fromisoformat(interrupt["expiresAt"]) > datetime.now(UTC)
    assert interrupt["metadata"] == {"toolName": "instances.destroy", "input": {"instanceId": "nobody"}}
    state = agui.run(resume=approve(interrupt, is_approved, **({} if is_approved else {"reason": "Not today"})))
    assert (state["pending"], texts(state)) == ([], ["Well."])
    assert "TOOL_CALL_START" not in types(state)
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "tool", "assistant"]
    expected = "Instance nobody not found" if is_approved else "A person rejected this call: Not today"
    assert expected in state["messages"][2]["content"]


def test_an_interrupt_that_is_abandoned_is_a_rejection(agui: Agent, simulator: SimulatorClient) -> None:
    (interrupt,) = ask(agui, simulator, destroy_turn(), text_turn("Well."))["pending"]
    state = agui.run(resume=[{"interruptId": interrupt["id"], "status": "cancelled"}])
    assert (texts(state), state["pending"]) == (["Well."], [])
    assert "rejected" in state["messages"][2]["content"]


def test_two_approvals_after_each_other(agui: Agent, simulator: SimulatorClient) -> None:
    calls = [
        {"name": "instances.destroy", "call_id": f"call_{number}", "arguments": {"instanceId": f"nobody-{number}"}}
        for number in (1, 2)
    ]
    state = ask(agui, simulator, {"calls": calls, "usage": None}, text_turn("Both."))
    for number in (1, 2):
        assert [interrupt["toolCallId"] for interrupt in state["pending"]] == [f"call_{number}"]
        state = agui.run(resume=approve(state["pending"][0]))
    assert (texts(state), state["pending"]) == (["Both."], [])
    results = [message for message in state["messages"] if message["role"] == "tool"]
    assert [message["toolCallId"] for message in results] == ["call_1", "call_2"]


def test_a_run_that_is_cut_is_run_again_without_loss(agui: Agent, simulator: SimulatorClient, stack: Stack) -> None:
    with start_stream_cutter(stack.url) as cutter:
        agui.open(cutter.url)
        cutter.cut_after('"TEXT_MESSAGE_CONTENT"')
        cut = ask(agui, simulator, {**text_turn(LONG_TEXT), "gap_s": 0.2})
        assert cut["failure"]
        assert (cutter.cuts, "RUN_FINISHED" in types(cut)) == (1, False)
        state = agui.run()
    assert (texts(state), len(state["messages"])) == ([LONG_TEXT], 2)


def test_a_continuation_that_is_cut_is_resumed_again(agui: Agent, simulator: SimulatorClient, stack: Stack) -> None:
    with start_stream_cutter(stack.url) as cutter:
        agui.open(cutter.url)
        state = ask(agui, simulator, destroy_turn(), {**text_turn(LONG_TEXT), "gap_s": 0.2})
        (interrupt,) = state["pending"]
        cutter.cut_after('"TEXT_MESSAGE_START"')
        cut = agui.run(resume=approve(interrupt))
        assert (bool(cut["failure"]), cutter.cuts) == (True, 1)
        other = agui.run(resume=approve(interrupt, False))
        assert other["failure"]["payload"]["error"]["code"] == "CONFLICT"
        state = agui.run(resume=approve(interrupt))
    assert (texts(state), state["pending"]) == ([LONG_TEXT], [])
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "tool", "assistant"]


def test_an_agent_that_lost_its_messages_gets_them_from_the_beginning(agui: Agent, simulator: SimulatorClient) -> None:
    state = ask(agui, simulator, destroy_turn(), text_turn("Well."))
    agui.open(messages=state["messages"][:1])
    state = agui.run(resume=approve(state["pending"][0]))
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "tool", "assistant"]


def test_a_text_that_the_model_begins_again_is_shown_once(agui: Agent, simulator: SimulatorClient) -> None:
    turn = {**text_turn("One two three four."), "breaks": "dropped", "break_after": 2}
    state = ask(agui, simulator, turn)
    assert (texts(state), len(state["messages"])) == (["One two three four."], 2)
    assert "MESSAGES_SNAPSHOT" in types(state)


def test_an_error_of_the_model_ends_the_run(agui: Agent, simulator: SimulatorClient) -> None:
    state = ask(agui, simulator, {"error": {"status": 400, "message": "No."}, "times": None})
    assert (types(state)[-1], state["events"][-1]["code"]) == ("RUN_ERROR", "PROMPT_FAILED")


def test_a_cancelled_prompt_ends_the_run_as_cancelled(
    agui: Agent, simulator: SimulatorClient, agent: httpx.Client
) -> None:
    (interrupt,) = ask(agui, simulator, destroy_turn())["pending"]
    assert agent.post(f"/prompts/{interrupt['id'].partition(':')[0]}/cancel").status_code == 200
    state = agui.run(resume=approve(interrupt))
    assert state["events"][-1]["outcome"] == {"type": "cancelled"}


def test_a_wrong_credential_is_an_error_before_the_run(agui: Agent) -> None:
    agui.open(headers={})
    agui.add("Hello")
    failure = agui.run()["failure"]
    assert (failure["status"], failure["payload"]["error"]["code"]) == (401, "AUTH_REQUIRED")


def test_a_thread_of_another_user_is_another_thread(
    agui: Agent, simulator: SimulatorClient, other_agent: httpx.Client
) -> None:
    (interrupt,) = ask(agui, simulator, destroy_turn(), text_turn("Well."))["pending"]
    agui.open(headers={"X-User-Id": other_agent.headers["x-user-id"]})
    agui.add("Hello")
    failure = agui.run(resume=approve(interrupt))["failure"]
    assert (failure["status"], failure["payload"]["error"]["code"]) == (404, "PROMPT_NOT_FOUND")
    assert types(agui.run())[-1] == "RUN_FINISHED"


def test_a_run_is_followed_in_the_ai_sdk_and_in_the_projects_own_stream(
    agui: Agent, simulator: SimulatorClient, stack: Stack, agent: httpx.Client
) -> None:
    (interrupt,) = ask(agui, simulator, destroy_turn(), text_turn("Seen by all."))["pending"]
    with run_script(CHAT_SCRIPT) as chat:
        headers = {"X-User-Id": agent.headers["x-user-id"]}
        chat.call("open", url=f"{stack.url}/api/chat", headers=headers, id=agui.thread_id)
        state = chat.call("resume")
        (part,) = [part for part in state["messages"][-1]["parts"] if part["type"] == "dynamic-tool"]
        assert (part["state"], part["approval"]["id"]) == ("approval-requested", interrupt["id"])
        state = chat.call("decide", id=interrupt["id"], approved=True)
        assert state["messages"][-1]["parts"][-1]["text"] == "Seen by all."
    state = agui.run(resume=approve(interrupt))
    assert texts(state) == ["Seen by all."]
    prompt_id = interrupt["id"].partition(":")[0]
    assert open_stream(agent, prompt_id).read_to_end()[-1].event == "prompt.completed"


def test_a_message_of_the_ai_sdk_is_the_same_prompt_here(
    agui: Agent, simulator: SimulatorClient, stack: Stack, agent: httpx.Client
) -> None:
    text = unique_text()
    simulator.script_model(text_turn("Once."), match=text)
    with run_script(CHAT_SCRIPT) as chat:
        headers = {"X-User-Id": agent.headers["x-user-id"]}
        chat.call("open", url=f"{stack.url}/api/chat", headers=headers, id=agui.thread_id)
        answer = chat.call("send", text=text, id="message-1")["messages"][-1]
    agui.add(text, "message-1")
    state = agui.run()
    assert (texts(state), state["result"]["promptId"]) == (["Once."], answer["id"])

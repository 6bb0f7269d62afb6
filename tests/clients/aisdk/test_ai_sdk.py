"""The AI SDK's chat (`ai` 7: `AbstractChat`, `DefaultChatTransport`) against the running stack."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.node_driver import NodeDriver, run_script
from tests.clients.stream_cutter import start_stream_cutter
from tests.harness.ids import unique_id
from tests.prompts.prompt_stream import destroy_turn, open_stream, text_turn, unique_text

pytestmark = pytest.mark.clients

SCRIPT = Path(__file__).parent / "chat.cjs"
USAGE = {"input_tokens": 12, "output_tokens": 5}
LONG_TEXT = "One two three four five six seven eight nine ten."


class Chat:
    """A chat of a user in Node."""

    def __init__(self, driver: NodeDriver, url: str, user: str) -> None:
        self.id, self._driver, self._url, self._headers = unique_id("chat-"), driver, url, {"X-User-Id": user}
        self.open()

    def open(self, url: str | None = None, **options: Any) -> None:
        """Open the chat, as a page that was loaded anew: without messages, unless they are given."""
        headers = options.pop("headers", self._headers)
        self._driver.call("open", url=f"{url or self._url}/api/chat", headers=headers, id=self.id, **options)

    def __getattr__(self, command: str) -> Any:
        return lambda **arguments: self._driver.call(command, **arguments)


@pytest.fixture(scope="module")
def driver() -> Iterator[NodeDriver]:
    with run_script(SCRIPT) as driver:
        yield driver


@pytest.fixture
def chat(driver: NodeDriver, stack: Stack, agent: httpx.Client) -> Chat:
    return Chat(driver, stack.url, agent.headers["x-user-id"])


def send(chat: Chat, simulator: SimulatorClient, *turns: dict[str, Any], **options: Any) -> dict[str, Any]:
    text = unique_text()
    simulator.script_model(*turns, match=text)
    return chat.send(text=text, **options)


def last_parts(state: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in state["messages"][-1]["parts"] if part["type"] != "step-start"]


def texts(state: dict[str, Any]) -> list[str]:
    return [part["text"] for part in last_parts(state) if part["type"] == "text"]


def tool_part(state: dict[str, Any]) -> dict[str, Any]:
    (part,) = [part for part in last_parts(state) if part["type"] == "dynamic-tool"]
    return part


def test_a_text_arrives_while_it_is_generated_with_its_usage(chat: Chat, simulator: SimulatorClient) -> None:
    state = send(chat, simulator, {"text": LONG_TEXT, "usage": USAGE, "gap_s": 0.05})
    assert (state["status"], texts(state)) == ("ready", [LONG_TEXT])
    steps = ["".join(step) for step in state["seen"]]
    assert len(steps) > 3
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(steps))
    message = state["messages"][-1]
    assert message["metadata"]["usage"] == {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}
    assert message["metadata"]["promptId"] == message["id"]
    assert state["finishes"] == [{"isAbort": False, "isDisconnect": False, "isError": False, "finishReason": "stop"}]


def test_a_tool_runs(chat: Chat, simulator: SimulatorClient) -> None:
    calls = {
        "text": "Let me look.",
        "calls": [{"name": "time.now", "call_id": "call_1", "arguments": {}}],
        "usage": None,
    }
    state = send(chat, simulator, calls, text_turn("It is late."))
    part = tool_part(state)
    assert (part["toolName"], part["state"], part["input"]) == ("time.now", "output-available", {})
    assert "now" in str(part["output"]) or part["output"]
    assert texts(state) == ["Let me look.", "It is late."]


@pytest.mark.parametrize("is_approved", [True, False])
def test_an_approval_is_asked_and_answered(chat: Chat, simulator: SimulatorClient, is_approved: bool) -> None:
    state = send(chat, simulator, destroy_turn(), text_turn("Well."))
    part = tool_part(state)
    assert (state["status"], part["state"]) == ("ready", "approval-requested")
    assert part["approval"]["requestReason"]
    state = chat.decide(id=part["approval"]["id"], approved=is_approved, reason=None if is_approved else "Not today")
    part = tool_part(state)
    assert (state["status"], texts(state), len(state["messages"])) == ("ready", ["Well."], 2)
    assert part["approval"]["approved"] is is_approved
    if is_approved:
        assert (part["state"], part["errorText"]) == ("output-error", "Instance nobody not found")
    else:
        assert (part["state"], part["approval"]["reason"]) == ("output-denied", "Not today")


def test_a_page_that_is_loaded_anew_shows_what_is_open_and_what_was_decided(
    chat: Chat, simulator: SimulatorClient
) -> None:
    before = send(chat, simulator, destroy_turn(), {**text_turn(LONG_TEXT), "gap_s": 0.2})
    chat.open()
    state = chat.resume()
    assert (state["status"], tool_part(state)) == ("ready", tool_part(before))
    approval_id = tool_part(state)["approval"]["id"]
    chat.open()
    assert chat.resume()["messages"] == state["messages"]
    state = chat.decide(id=approval_id, approved=True)
    assert texts(state) == [LONG_TEXT]
    chat.open()
    again = chat.resume()
    assert last_parts(again) == last_parts(state)
    assert tool_part(again)["approval"]["approved"] is True


def test_a_stream_that_is_cut_is_resumed_without_loss(chat: Chat, simulator: SimulatorClient, stack: Stack) -> None:
    with start_stream_cutter(stack.url) as cutter:
        chat.open(cutter.url)
        cutter.cut_after("text-delta")
        cut = send(chat, simulator, {**text_turn(LONG_TEXT), "gap_s": 0.2})
        assert (cut["status"], cut["finishes"][-1]["isError"], cutter.cuts) == ("error", True, 1)
        state = chat.resume()
    assert (state["status"], texts(state), len(state["messages"])) == ("ready", [LONG_TEXT], 2)
    assert state["finishes"][-1]["finishReason"] == "stop"


def test_an_answer_whose_continuation_is_cut_is_sent_again(
    chat: Chat, simulator: SimulatorClient, stack: Stack
) -> None:
    with start_stream_cutter(stack.url) as cutter:
        chat.open(cutter.url)
        state = send(chat, simulator, destroy_turn(), {**text_turn(LONG_TEXT), "gap_s": 0.1})
        cutter.cut_after("tool-approval-response")
        cut = chat.decide(id=tool_part(state)["approval"]["id"], approved=True)
        assert (cut["status"], cutter.cuts) == ("error", 1)
        state = chat.retry()
    assert (state["status"], texts(state), len(state["messages"])) == ("ready", [LONG_TEXT], 2)
    assert tool_part(state)["state"] == "output-error"


def test_a_text_that_the_model_begins_again_is_shown_once(chat: Chat, simulator: SimulatorClient) -> None:
    turn = {**text_turn("One two three four."), "breaks": "dropped", "break_after": 2}
    state = send(chat, simulator, turn)
    assert texts(state) == ["One two three four."]
    assert [] in state["seen"][1:]


def test_an_error_of_the_model_is_an_error_of_the_chat(chat: Chat, simulator: SimulatorClient) -> None:
    state = send(chat, simulator, {"error": {"status": 400, "message": "No."}, "times": None})
    assert (state["status"], state["finishes"][-1]["isError"]) == ("error", True)
    assert state["error"]


def test_an_answer_to_a_prompt_that_was_cancelled_ends_the_chat_once(
    chat: Chat, simulator: SimulatorClient, agent: httpx.Client
) -> None:
    state = send(chat, simulator, destroy_turn())
    assert agent.post(f"/prompts/{state['messages'][-1]['id']}/cancel").status_code == 200
    state = chat.decide(id=tool_part(state)["approval"]["id"], approved=True)
    assert (state["status"], tool_part(state)["state"]) == ("ready", "output-error")
    assert len(state["finishes"]) == 2


def test_two_approvals_after_each_other(chat: Chat, simulator: SimulatorClient) -> None:
    calls = [
        {"name": "instances.destroy", "call_id": f"call_{number}", "arguments": {"instanceId": f"nobody-{number}"}}
        for number in (1, 2)
    ]
    state = send(chat, simulator, {"calls": calls, "usage": None}, text_turn("Both."))
    for _ in range(2):
        (asking,) = [part for part in last_parts(state) if part.get("state") == "approval-requested"]
        state = chat.decide(id=asking["approval"]["id"], approved=True)
    parts = [part["state"] for part in last_parts(state) if part["type"] == "dynamic-tool"]
    assert (texts(state), parts, len(state["messages"])) == (["Both."], ["output-error"] * 2, 2)


def test_a_wrong_credential_is_an_error_before_the_stream(chat: Chat, stack: Stack) -> None:
    chat.open(headers={})
    state = chat.send(text="Hello")
    assert state["status"] == "error"
    assert "AUTH_REQUIRED" in state["error"]


def test_a_chat_goes_on_where_only_its_last_message_is_sent(chat: Chat, simulator: SimulatorClient) -> None:
    chat.open(lastMessageOnly=True)
    send(chat, simulator, text_turn("First."))
    state = send(chat, simulator, text_turn("Second."))
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "user", "assistant"]
    assert texts(state) == ["Second."]
    state = send(chat, simulator, destroy_turn(), text_turn("Well."))
    assert texts(chat.decide(id=tool_part(state)["approval"]["id"], approved=True)) == ["Well."]


def test_a_message_that_is_sent_twice_is_one_prompt(
    chat: Chat, simulator: SimulatorClient, agent: httpx.Client
) -> None:
    first = send(chat, simulator, text_turn("Once."), id="message-1")
    text = first["messages"][0]["parts"][0]["text"]
    chat.open()
    again = chat.send(text=text, id="message-1")
    assert again["messages"][-1]["id"] == first["messages"][-1]["id"]
    assert len(agent.get("/prompts").json()["prompts"]) == 1
    chat.open()
    changed = chat.send(text="Another.", id="message-1")
    assert "IDEMPOTENCY_KEY_REUSED" in changed["error"]


def test_a_prompt_is_followed_in_the_projects_own_stream(
    chat: Chat, simulator: SimulatorClient, agent: httpx.Client
) -> None:
    state = send(chat, simulator, text_turn("Seen by both."))
    messages = open_stream(agent, state["messages"][-1]["metadata"]["promptId"]).read_to_end()
    assert messages[1].data["content"] == "Seen by both."


def test_a_regeneration_is_refused(chat: Chat, simulator: SimulatorClient) -> None:
    send(chat, simulator, text_turn("The answer."))
    assert "VALIDATION_ERROR" in chat.regenerate()["error"]

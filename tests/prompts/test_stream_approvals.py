"""Decisions over HTTP: by the prompt's user, about exactly what was shown; concurrent ones; and cancelling."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.agent_api import expect_error
from tests.harness.background import run_concurrently
from tests.harness.database import Database
from tests.harness.simulator import model_requests
from tests.prompts.prompt_stream import (
    PromptStream,
    decide,
    decide_successfully,
    destroy_turn,
    get_prompt,
    open_stream,
    post_prompt,
    start_prompt,
    text_turn,
    unique_text,
    wait_for_status,
)


@pytest.fixture
def approval_stream(agent: httpx.Client, simulator: SimulatorClient) -> Iterator[PromptStream]:
    """The stream of a prompt that waits for an approval of `call_1`."""
    stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    yield stream
    stream.close()
    agent.post(f"/prompts/{stream.prompt_id}/cancel")


def tool_results(stream: PromptStream) -> list[Any]:
    """Read to the end; return the results in the tools' outputs: the output, or the error's text."""
    outputs = [message.data for message in stream.read_to_end() if message.event == "prompt.output"]
    tools = [output["result"] for output in outputs if output["type"] == "tool"]
    return [next(value for key, value in result.items() if key != "type") for result in tools]


@pytest.mark.parametrize("what", ["approve", "reject"])
def test_decision_is_returned_and_the_prompt_continues(
    agent: httpx.Client, approval_stream: PromptStream, what: str
) -> None:
    prompt_id = approval_stream.prompt_id
    shown = get_prompt(agent, prompt_id)
    assert (shown["status"], shown["approval"]["toolCallId"]) == ("waiting", "call_1")
    response = decide(agent, prompt_id, what)
    expected = {
        "promptId": prompt_id,
        "toolCallId": "call_1",
        "status": {"approve": "approved", "reject": "rejected"}[what],
    }
    assert (response.status_code, response.json()) == (200, expected)
    assert tool_results(approval_stream) == [
        "Instance nobody not found" if what == "approve" else "A person rejected this call"
    ]
    shown = get_prompt(agent, prompt_id)
    assert (shown["status"], "approval" in shown, shown["outputs"][-1]["content"]) == ("completed", False, "Well.")


@pytest.mark.parametrize("what", ["approve", "reject"])
@pytest.mark.parametrize("wrong", ["foreign", "another call", "another prompt", "no prompt"])
def test_decision_about_something_else_is_rejected(
    agent: httpx.Client, other_agent: httpx.Client, approval_stream: PromptStream, what: str, wrong: str
) -> None:
    prompt_id, client, body = approval_stream.prompt_id, agent, {}
    if wrong == "foreign":
        client = other_agent
    elif wrong == "another call":
        body = {"toolCallId": "call_2"}
    else:
        prompt_id = "prompt-" + "0" * 32 if wrong == "another prompt" else "nonsense"
    expect_error(decide(client, prompt_id, what, **body), 404, "PROMPT_NOT_FOUND")
    assert get_prompt(agent, approval_stream.prompt_id)["status"] == "waiting"
    decide_successfully(agent, approval_stream.prompt_id)
    assert tool_results(approval_stream) == ["Instance nobody not found"]


@pytest.mark.parametrize("what", ["approve", "reject"])
def test_repeated_and_stale_decisions_are_rejected(
    agent: httpx.Client, approval_stream: PromptStream, what: str
) -> None:
    decide_successfully(agent, approval_stream.prompt_id, "reject", reason="First")
    for _ in range(2):
        expect_error(decide(agent, approval_stream.prompt_id, what), 404, "PROMPT_NOT_FOUND")
    assert tool_results(approval_stream) == ["A person rejected this call: First"]
    expect_error(decide(agent, approval_stream.prompt_id, what), 404, "PROMPT_NOT_FOUND")


def test_decision_about_an_earlier_call_is_stale(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, destroy_turn("call_1"), destroy_turn("call_2"), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    decide_successfully(agent, stream.prompt_id)
    assert stream.read_until_event("prompt.approval").data["toolCallId"] == "call_2"
    expect_error(decide(agent, stream.prompt_id, toolCallId="call_1"), 404, "PROMPT_NOT_FOUND")
    decide_successfully(agent, stream.prompt_id, "reject", toolCallId="call_2")
    assert tool_results(stream) == ["Instance nobody not found", "A person rejected this call"]


def test_expired_approval_is_rejected_even_before_the_execution_notices(
    agent: httpx.Client, approval_stream: PromptStream, db: Database
) -> None:
    db.execute(
        "UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (approval_stream.prompt_id,)
    )
    for what in ("approve", "reject"):
        expect_error(decide(agent, approval_stream.prompt_id, what), 404, "PROMPT_NOT_FOUND")
    assert get_prompt(agent, approval_stream.prompt_id)["status"] == "waiting"


def test_approval_is_bound_to_the_arguments_shown(
    agent: httpx.Client, approval_stream: PromptStream, db: Database
) -> None:
    """A writer to the database may change the stored call, but not what was approved."""
    changed = {"id": "call_1", "name": "instances.destroy", "arguments": '{"instanceId": "somebody"}'}
    db.execute(
        "UPDATE prompt_calls SET asked = %s WHERE prompt_id = %s", (json.dumps(changed), approval_stream.prompt_id)
    )
    decide_successfully(agent, approval_stream.prompt_id)
    assert tool_results(approval_stream) == ["Not run: this is not any more what was approved"]


@pytest.mark.parametrize(
    "body", [{}, {"toolCallId": ""}, {"toolCallId": 5}, {"toolCallId": None}, {"toolCallId": "call_1", "reason": 5}]
)
def test_malformed_decisions_are_rejected_and_change_nothing(
    agent: httpx.Client, approval_stream: PromptStream, body: dict[str, Any]
) -> None:
    response = agent.post(f"/prompts/{approval_stream.prompt_id}/reject", json=body)
    if body.get("toolCallId") == "":
        assert response.status_code in (404, 422)
    else:
        expect_error(response, 422, "VALIDATION_ERROR")
    assert get_prompt(agent, approval_stream.prompt_id)["status"] == "waiting"


def decision_request(agent: httpx.Client, prompt_id: str, action: str) -> Callable[[], httpx.Response]:
    return lambda: httpx.post(
        f"{agent.base_url}prompts/{prompt_id}/{action}",
        json={"toolCallId": "call_1"},
        headers={"X-User-Id": agent.headers["X-User-Id"]},
        timeout=60,
        verify=False,
    )


def test_exactly_one_of_fifty_concurrent_approvals_is_accepted(
    agent: httpx.Client, approval_stream: PromptStream, db: Database, simulator: SimulatorClient
) -> None:
    responses = run_concurrently(*[decision_request(agent, approval_stream.prompt_id, "approve")] * 50)
    assert sorted(response.status_code for response in responses) == [200] + [404] * 49
    for response in responses:
        if response.status_code == 404:
            expect_error(response, 404, "PROMPT_NOT_FOUND")
    assert tool_results(approval_stream) == ["Instance nobody not found"]
    runs = db.execute("SELECT FROM prompt_calls WHERE prompt_id = %s", (approval_stream.prompt_id,))
    assert runs.rowcount == 1
    assert len(model_requests(simulator)) == 2


def test_one_of_a_concurrent_approval_and_rejection_wins_and_the_transcript_agrees(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    for _ in range(4):
        stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
        stream.read_until_event("prompt.approval")
        approved, rejected = run_concurrently(
            *(decision_request(agent, stream.prompt_id, what) for what in ("approve", "reject"))
        )
        assert {approved.status_code, rejected.status_code} == {200, 404}
        expected = "Instance nobody not found" if approved.status_code == 200 else "A person rejected this call"
        assert tool_results(stream) == [expected]


def test_transcript_shows_the_order_of_a_concurrent_approval_and_cancellation(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    stream = start_prompt(agent, simulator, destroy_turn(), {**text_turn("Well."), "latency_s": 0.5})
    stream.read_until_event("prompt.approval")
    prompt_id = stream.prompt_id

    def cancel() -> httpx.Response:
        return httpx.post(
            f"{agent.base_url}prompts/{prompt_id}/cancel", headers=agent.headers, timeout=60, verify=False
        )

    approved, cancelled = run_concurrently(decision_request(agent, prompt_id, "approve"), cancel)
    assert (approved.status_code in (200, 404), cancelled.status_code) == (True, 200)
    status = cancelled.json()["status"]
    events = [message.event for message in stream.read_to_end()]
    # A cancellation after the end changes nothing and returns the final status.
    messages = {"cancelled": "error", "completed": "prompt.completed"}
    assert (events[-1], get_prompt(agent, prompt_id)["status"]) == (messages[status], status)
    if approved.status_code == 404:
        assert events == ["prompt.created", "prompt.approval", "error"]


def test_cancelling_during_a_model_turn_ends_the_stream_at_once(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    stream = start_prompt(agent, simulator, {**text_turn("Too late."), "latency_s": 10})
    stream.next_event()
    response = agent.post(f"/prompts/{stream.prompt_id}/cancel")
    assert (response.status_code, response.json()) == (200, {"promptId": stream.prompt_id, "status": "cancelled"})
    messages = stream.read_to_end()
    assert [(message.event, message.id) for message in messages] == [("prompt.created", "1"), ("error", "2")]
    assert messages[1].data == {"message": "The prompt was cancelled"}
    again = agent.post(f"/prompts/{stream.prompt_id}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


def test_cancelling_a_completed_prompt_changes_nothing(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, text_turn("Done."))
    messages = stream.read_to_end()
    response = agent.post(f"/prompts/{stream.prompt_id}/cancel")
    assert (response.status_code, response.json()["status"]) == (200, "completed")
    assert open_stream(agent, stream.prompt_id).read_to_end() == messages


def test_another_users_prompt_is_404_everywhere(
    agent: httpx.Client, other_agent: httpx.Client, approval_stream: PromptStream
) -> None:
    for prompt_id in (approval_stream.prompt_id, "prompt-" + "0" * 32, "x", "%00", "a%2Fb"):
        path = f"/prompts/{prompt_id}"
        responses = [
            other_agent.get(path), other_agent.get(f"{path}/stream"),
            other_agent.get(f"{path}/stream", headers={"Last-Event-ID": "1"}),
            other_agent.post(f"{path}/cancel"),
            decide(other_agent, prompt_id), decide(other_agent, prompt_id, "reject"),
        ]  # fmt: skip
        for response in responses:
            expect_error(response, 404, "PROMPT_NOT_FOUND")
    assert get_prompt(agent, approval_stream.prompt_id)["status"] == "waiting"


def test_decision_before_the_execution_waits_is_not_lost(
    agent: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """Decided as soon as it is shown, often before the execution has a task token; ten times, to get both orders."""
    for _ in range(10):
        stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
        stream.read_until_event("prompt.approval")
        decide_successfully(agent, stream.prompt_id)
        assert tool_results(stream) == ["Instance nobody not found"]
    assert wait_for_status(agent, stream.prompt_id, "completed")


def test_same_key_of_two_users_is_two_prompts(
    agent: httpx.Client, other_agent: httpx.Client, simulator: SimulatorClient
) -> None:
    text = unique_text("Whose is it")
    simulator.script_model(text_turn("Yours."), match=text)
    streams = [post_prompt(client, text, key="the-same-key") for client in (agent, other_agent)]
    ids = {stream.read_to_end()[0].data["promptId"] for stream in streams}
    assert len(ids) == 2

"""Decisions over HTTP: one about exactly what was shown, by whom it was shown to; many at once; and cancelling."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.contract.test_agent_api import refused
from tests.prompts.following import (
    Stream,
    asked,
    begun,
    decide,
    destruction,
    followed,
    fresh_text,
    granted,
    page,
    said,
    until_status,
    user,
)

Database = psycopg.Connection[dict[str, Any]]


@pytest.fixture
def waiting(agent: httpx.Client, simulator: SimulatorClient) -> Iterator[Stream]:
    """A prompt that waits for an approval of `call_1`."""
    stream = begun(agent, simulator, destruction(), said("Well."))
    stream.to("prompt.approval")
    yield stream
    stream.close()
    agent.post(f"/prompts/{stream.prompt_id}/cancel")


@pytest.fixture
def stranger(stack: Stack) -> Iterator[httpx.Client]:
    with user(stack.url, "somebody-else") as client:
        yield client


def results(stream: Stream) -> list[Any]:
    """What the tools' outputs hold: the output, or the error's text."""
    outputs = [one.data for one in stream.to_the_end() if one.event == "prompt.output"]
    tools = [output["result"] for output in outputs if output["type"] == "tool"]
    return [next(value for key, value in one.items() if key != "type") for one in tools]


@pytest.mark.parametrize("what", ["approve", "reject"])
def test_decision_is_answered_with_what_was_decided_and_the_prompt_goes_on(
    agent: httpx.Client, waiting: Stream, what: str
) -> None:
    prompt_id = waiting.prompt_id
    shown = page(agent, prompt_id)
    assert (shown["status"], shown["approval"]["toolCallId"]) == ("waiting", "call_1")
    answer = decide(agent, prompt_id, what)
    wanted = {
        "promptId": prompt_id,
        "toolCallId": "call_1",
        "status": {"approve": "approved", "reject": "rejected"}[what],
    }
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert results(waiting) == ["Instance nobody not found" if what == "approve" else "A person rejected this call"]
    shown = page(agent, prompt_id)
    assert (shown["status"], "approval" in shown, shown["outputs"][-1]["content"]) == ("completed", False, "Well.")


@pytest.mark.parametrize("what", ["approve", "reject"])
@pytest.mark.parametrize("wrong", ["foreign", "another call", "another prompt", "no prompt"])
def test_decision_about_something_else_is_refused(
    agent: httpx.Client, stranger: httpx.Client, waiting: Stream, what: str, wrong: str
) -> None:
    prompt_id, client, body = waiting.prompt_id, agent, {}
    if wrong == "foreign":
        client = stranger
    elif wrong == "another call":
        body = {"toolCallId": "call_2"}
    else:
        prompt_id = "prompt-" + "0" * 32 if wrong == "another prompt" else "nonsense"
    refused(decide(client, prompt_id, what, **body), 404, "PROMPT_NOT_FOUND")
    assert page(agent, waiting.prompt_id)["status"] == "waiting"
    granted(agent, waiting.prompt_id)
    assert results(waiting) == ["Instance nobody not found"]


@pytest.mark.parametrize("what", ["approve", "reject"])
def test_repeated_and_stale_decisions_are_refused(agent: httpx.Client, waiting: Stream, what: str) -> None:
    granted(agent, waiting.prompt_id, "reject", reason="First")
    for _ in range(2):
        refused(decide(agent, waiting.prompt_id, what), 404, "PROMPT_NOT_FOUND")
    assert results(waiting) == ["A person rejected this call: First"]
    refused(decide(agent, waiting.prompt_id, what), 404, "PROMPT_NOT_FOUND")


def test_decision_about_an_earlier_call_of_the_same_prompt_is_stale(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    stream = begun(agent, simulator, destruction("call_1"), destruction("call_2"), said("Well."))
    stream.to("prompt.approval")
    granted(agent, stream.prompt_id)
    assert stream.to("prompt.approval").data["toolCallId"] == "call_2"
    refused(decide(agent, stream.prompt_id, toolCallId="call_1"), 404, "PROMPT_NOT_FOUND")
    granted(agent, stream.prompt_id, "reject", toolCallId="call_2")
    assert results(stream) == ["Instance nobody not found", "A person rejected this call"]


def test_expired_approval_is_refused_even_before_the_execution_has_noticed(
    agent: httpx.Client, waiting: Stream, db: Database
) -> None:
    db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (waiting.prompt_id,))
    for what in ("approve", "reject"):
        refused(decide(agent, waiting.prompt_id, what), 404, "PROMPT_NOT_FOUND")
    assert page(agent, waiting.prompt_id)["status"] == "waiting"


def test_approval_is_of_the_arguments_that_were_shown(agent: httpx.Client, waiting: Stream, db: Database) -> None:
    """Whoever can write to the database may change the stored call, but not what was approved."""
    changed = {"id": "call_1", "name": "instances.destroy", "arguments": '{"instanceId": "somebody"}'}
    db.execute("UPDATE prompt_calls SET asked = %s WHERE prompt_id = %s", (json.dumps(changed), waiting.prompt_id))
    granted(agent, waiting.prompt_id)
    assert results(waiting) == ["Not run: this is not any more what was approved"]


@pytest.mark.parametrize(
    "body", [{}, {"toolCallId": ""}, {"toolCallId": 5}, {"toolCallId": None}, {"toolCallId": "call_1", "reason": 5}]
)
def test_malformed_decisions_are_refused_and_change_nothing(
    agent: httpx.Client, waiting: Stream, body: dict[str, Any]
) -> None:
    answer = agent.post(f"/prompts/{waiting.prompt_id}/reject", json=body)
    if body.get("toolCallId") == "":
        assert answer.status_code in (404, 422)
    else:
        refused(answer, 422, "VALIDATION_ERROR")
    assert page(agent, waiting.prompt_id)["status"] == "waiting"


def at_once(*requests: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """All answers, in the order of the requests, which begin together."""
    answers: dict[int, httpx.Response] = {}
    barrier = threading.Barrier(len(requests))

    def ask(number: int) -> None:
        barrier.wait(30)
        answers[number] = requests[number]()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [answers[number] for number in range(len(requests))]


def deciding(agent: httpx.Client, prompt_id: str, what: str) -> Callable[[], httpx.Response]:
    return lambda: httpx.post(
        f"{agent.base_url}prompts/{prompt_id}/{what}",
        json={"toolCallId": "call_1"},
        headers={"X-User-Id": agent.headers["X-User-Id"]},
        timeout=60,
        verify=False,
    )


def test_of_fifty_approvals_at_once_exactly_one_is_taken(
    agent: httpx.Client, waiting: Stream, db: Database, simulator: SimulatorClient
) -> None:
    answers = at_once(*[deciding(agent, waiting.prompt_id, "approve")] * 50)
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 49
    for answer in answers:
        if answer.status_code == 404:
            refused(answer, 404, "PROMPT_NOT_FOUND")
    assert results(waiting) == ["Instance nobody not found"]
    runs = db.execute("SELECT FROM prompt_calls WHERE prompt_id = %s", (waiting.prompt_id,))
    assert runs.rowcount == 1
    assert len([call for call in simulator.calls() if call.provider == "model"]) == 2


def test_of_an_approval_and_a_rejection_at_once_one_wins_and_the_transcript_agrees(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    for _ in range(4):
        stream = begun(agent, simulator, destruction(), said("Well."))
        stream.to("prompt.approval")
        approved, rejected = at_once(*(deciding(agent, stream.prompt_id, what) for what in ("approve", "reject")))
        assert {approved.status_code, rejected.status_code} == {200, 404}
        wanted = "Instance nobody not found" if approved.status_code == 200 else "A person rejected this call"
        assert results(stream) == [wanted]


def test_of_an_approval_and_a_cancellation_at_once_the_transcript_tells_which_was_first(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    stream = begun(agent, simulator, destruction(), {**said("Well."), "latency_s": 0.5})
    stream.to("prompt.approval")
    prompt_id = stream.prompt_id

    def cancel() -> httpx.Response:
        return httpx.post(
            f"{agent.base_url}prompts/{prompt_id}/cancel", headers=agent.headers, timeout=60, verify=False
        )

    approved, cancelled = at_once(deciding(agent, prompt_id, "approve"), cancel)
    assert (approved.status_code in (200, 404), cancelled.status_code) == (True, 200)
    status = cancelled.json()["status"]
    events = [message.event for message in stream.to_the_end()]
    # A cancellation that comes after the end leaves it as it is, and says so.
    last = {"cancelled": "error", "completed": "prompt.completed"}
    assert (events[-1], page(agent, prompt_id)["status"]) == (last[status], status)
    if approved.status_code == 404:
        assert events == ["prompt.created", "prompt.approval", "error"]


def test_cancelled_while_the_model_thinks_the_stream_ends_at_once(
    agent: httpx.Client, simulator: SimulatorClient
) -> None:
    stream = begun(agent, simulator, {**said("Too late."), "latency_s": 10})
    stream.next()
    answer = agent.post(f"/prompts/{stream.prompt_id}/cancel")
    assert (answer.status_code, answer.json()) == (200, {"promptId": stream.prompt_id, "status": "cancelled"})
    last = stream.to_the_end()
    assert [(one.event, one.id) for one in last] == [("prompt.created", "1"), ("error", "2")]
    assert last[1].data == {"message": "The prompt was cancelled"}
    again = agent.post(f"/prompts/{stream.prompt_id}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


def test_cancelling_what_has_completed_changes_nothing(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = begun(agent, simulator, said("Done."))
    messages = stream.to_the_end()
    answer = agent.post(f"/prompts/{stream.prompt_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert followed(agent, stream.prompt_id).to_the_end() == messages


def test_nobody_sees_or_touches_anothers_prompt(agent: httpx.Client, stranger: httpx.Client, waiting: Stream) -> None:
    for prompt_id in (waiting.prompt_id, "prompt-" + "0" * 32, "x", "%00", "a%2Fb"):
        path = f"/prompts/{prompt_id}"
        answers = [
            stranger.get(path), stranger.get(f"{path}/stream"),
            stranger.get(f"{path}/stream", headers={"Last-Event-ID": "1"}),
            stranger.post(f"{path}/cancel"), decide(stranger, prompt_id), decide(stranger, prompt_id, "reject"),
        ]  # fmt: skip
        for answer in answers:
            refused(answer, 404, "PROMPT_NOT_FOUND")
    assert page(agent, waiting.prompt_id)["status"] == "waiting"


def test_decision_that_comes_before_the_execution_waits_is_heard(
    agent: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """As soon as it is shown, often before the execution has a token; ten times, for either order to come about."""
    for _ in range(10):
        stream = begun(agent, simulator, destruction(), said("Well."))
        stream.to("prompt.approval")
        granted(agent, stream.prompt_id)
        assert results(stream) == ["Instance nobody not found"]
    assert until_status(agent, stream.prompt_id, "completed")


def test_same_question_of_two_users_is_two_prompts(
    agent: httpx.Client, stranger: httpx.Client, simulator: SimulatorClient
) -> None:
    text = fresh_text("Whose is it")
    simulator.script_model(said("Yours."), match=text)
    streams = [asked(client, text, key="the-same-key") for client in (agent, stranger)]
    ids = {stream.to_the_end()[0].data["promptId"] for stream in streams}
    assert len(ids) == 2

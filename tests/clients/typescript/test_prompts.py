"""Prompts through the built package: text, tools, approvals, and streams that break."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.clients.typescript.cutting_proxy import CuttingProxy
from tests.clients.typescript.node_project import NodeProject
from tests.harness.simulator import model_requests
from tests.prompts.prompt_stream import destroy_turn, open_stream, start_prompt, text_turn, unique_text

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]

SHORT_RETRY = {"minDelayMs": 10}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(project: NodeProject, agent: httpx.Client, stack: Stack) -> Run:
    """Run the scenario `prompt` for the user of `agent`."""

    def run_scenario(url: str = stack.url, **arguments: object) -> dict[str, Any]:
        client = {"baseUrl": url, "userId": agent.headers["x-user-id"], "retry": SHORT_RETRY}
        return project.run("prompt", client=client, **arguments)

    return run_scenario


def get_types(result: dict[str, Any]) -> list[str]:
    assert result["error"] is None, result
    return [event["type"] for event in result["events"]]


def script(simulator: SimulatorClient, *turns: dict[str, Any]) -> str:
    """Script the model's turns for a new text, and return that."""
    text = unique_text()
    simulator.script_model(*turns, match=text)
    return text


def test_a_text(run: Run, agent: httpx.Client, simulator: SimulatorClient) -> None:
    result = run(input=script(simulator, text_turn("Hello “you”.")))
    assert get_types(result) == ["created", "output", "completed"]
    created, output, completed = result["events"]
    assert output["data"]["content"] == "Hello “you”."
    assert {event["promptId"] for event in result["events"]} == {created["data"]["promptId"]}
    assert (created["id"], completed["id"]) == ("1", "3")
    assert list(completed["data"]["usage"]) == ["inputTokens", "outputTokens", "totalTokens"]


def test_the_text_while_it_comes(run: Run, simulator: SimulatorClient) -> None:
    text = "One two three four five."
    result = run(input=script(simulator, text_turn(text)), options={"tokens": True})
    deltas = [event["data"]["text"] for event in result["events"] if event["type"] == "delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == text
    assert [event for event in get_types(result) if event != "delta"] == ["created", "output", "completed"]


def test_a_tool(run: Run, simulator: SimulatorClient) -> None:
    turns = {"calls": [{"name": "time.now", "arguments": {"timezone": "UTC"}}]}, text_turn("Late.")
    result = run(input=script(simulator, *turns))
    assert get_types(result) == ["created", "output", "output", "completed"]
    output = result["events"][1]["data"]
    assert (output["type"], output["function"], output["result"]["output"]["timezone"]) == ("tool", "time.now", "UTC")


@pytest.mark.parametrize(
    ("decision", "told"),
    [("approve", "Instance nobody not found"), ("reject", "A person rejected this call: Not today")],
)
def test_an_approval(run: Run, simulator: SimulatorClient, decision: str, told: str) -> None:
    result = run(input=script(simulator, destroy_turn(), text_turn("Well.")), decision=decision)
    assert get_types(result) == ["created", "approval", "output", "output", "completed"]
    approval, output = result["events"][1]["data"], result["events"][2]["data"]
    assert (approval["toolName"], approval["input"]) == ("instances.destroy", {"instanceId": "nobody"})
    assert output["result"] == {"type": "error", "error": told}


def test_a_stream_that_is_cut_again_and_again_loses_and_doubles_nothing(
    run: Run, agent: httpx.Client, simulator: SimulatorClient, proxy: CuttingProxy
) -> None:
    turns = (
        {"text": "One moment.", "calls": [{"name": "time.now"}, {"name": "instances.registry"}]},
        {"text": "And now?", **destroy_turn()},
        text_turn("Bye.\n\nid: 99\n\n"),
    )
    proxy.cuts = [
        b"HTTP/1.1 200", b"event: prompt.created\nda", b"id: 1\n\n", b'"content":"One', b"id: 3\n", b"id: 5\n\n",
        b"prompt.approval", b"id: 6\n\n", b"event: prompt.completed\ndata", b"id: 9\n",
    ]  # fmt: skip
    text = script(simulator, *({**turn, "latency_s": 0.2} for turn in turns))
    result = run(proxy.url, input=text, decision="approve")
    assert get_types(result) == [
        "created", "output", "output", "output", "output", "approval", "output", "output", "completed",
    ]  # fmt: skip
    assert proxy.cuts == []
    stored = open_stream(agent, result["events"][0]["promptId"]).read_to_end()
    assert [(event["id"], event["data"]) for event in result["events"]] == [
        (message.id, message.data) for message in stored
    ]
    assert len(agent.get("/prompts").json()["prompts"]) == 1
    assert len(model_requests(simulator)) == len(turns)


def test_a_text_that_is_cut_while_it_comes_is_whole_in_the_end(
    run: Run, simulator: SimulatorClient, proxy: CuttingProxy
) -> None:
    """Whoever joins the pieces since the last event has a beginning of the text at any time."""
    proxy.cuts = [b"two", b"five"]
    turns = ({**text_turn(text), "gap_s": 0.1} for text in ("One two three four.", "five six seven."))
    first, second = turns
    text = script(simulator, {**first, "calls": [{"name": "time.now"}]}, second)
    result = run(proxy.url, input=text, options={"tokens": True})
    assert proxy.cuts == []
    joined = ""
    for event in result["events"]:
        if event["type"] == "delta":
            joined = event["data"]["text"] if event["data"].get("reset") else joined + event["data"]["text"]
        elif event["type"] == "output" and event["data"]["type"] == "text":
            assert event["data"]["content"].startswith(joined)
            joined = ""
    assert [event for event in get_types(result) if event != "delta"] == [
        "created", "output", "output", "output", "completed",
    ]  # fmt: skip


def test_events_of_calls_come_to_those_who_ask_and_survive_cuts_too(
    run: Run, simulator: SimulatorClient, proxy: CuttingProxy
) -> None:
    proxy.cuts = [b"prompt.decided", b"event: prompt.call\ndata", b"id: 2.2\n"]
    text = script(simulator, destroy_turn(), text_turn("Well."))
    result = run(proxy.url, input=text, decision="approve", options={"callEvents": True})
    assert get_types(result) == ["created", "approval", "decided", "call", "output", "output", "completed"]
    assert [event["id"] for event in result["events"]] == ["1", "2", "2.1", "2.2", "3", "4", "5"]
    assert proxy.cuts == []
    assert result["events"][2]["data"]["decision"] == "approved"


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_decision_whose_answer_is_lost_is_told_as_made(
    run: Run, simulator: SimulatorClient, proxy: CuttingProxy, decision: str
) -> None:
    proxy.lost_answers = [f"/{decision} HTTP/1.1".encode()]
    text = script(simulator, destroy_turn(), text_turn("Well."))
    result = run(proxy.url, input=text, decision=decision)
    assert get_types(result) == ["created", "approval", "output", "output", "completed"]
    assert len([line for line in proxy.requests if f"/{decision} " in line]) == 2


def test_a_prompt_whose_answer_is_lost_is_submitted_once(
    run: Run, agent: httpx.Client, simulator: SimulatorClient, proxy: CuttingProxy
) -> None:
    proxy.lost_answers = [b"POST /api/prompt HTTP/1.1"]
    result = run(proxy.url, input=script(simulator, text_turn("Once.")))
    assert get_types(result) == ["created", "output", "completed"]
    assert len(agent.get("/prompts").json()["prompts"]) == 1


def test_a_prompt_is_followed_from_any_event(run: Run, simulator: SimulatorClient) -> None:
    begun = run(input=script(simulator, text_turn("Hello.")), stopAfter=1)
    prompt_id = begun["events"][0]["promptId"]
    assert get_types(begun) == ["created"]
    assert get_types(run(follow={"promptId": prompt_id})) == ["created", "output", "completed"]
    assert get_types(run(follow={"promptId": prompt_id, "lastEventId": "2"})) == ["completed"]
    assert get_types(run(follow={"promptId": prompt_id, "lastEventId": "3"})) == []
    unknown = run(follow={"promptId": "prompt-" + "0" * 32})
    assert (unknown["error"]["status"], unknown["error"]["code"]) == (404, "PROMPT_NOT_FOUND")


@pytest.mark.parametrize("after", [1, 2])
def test_an_aborted_iteration_ends_with_the_signals_reason(
    run: Run, agent: httpx.Client, simulator: SimulatorClient, after: int
) -> None:
    """Also where more events have come already."""
    prompt_id = start_prompt(agent, simulator, destroy_turn()).read_until_event("prompt.approval").data["promptId"]
    result = run(follow={"promptId": prompt_id}, abortAfter=after)
    types = [event["type"] for event in result["events"]]
    assert (types, result["error"]["name"]) == (["created", "approval"][:after], "AbortError")


def test_a_stream_that_brings_nothing_is_given_up(run: Run, proxy: CuttingProxy) -> None:
    proxy.cuts = [b"HTTP/1.1 200"] * 100
    result = run(proxy.url, input=unique_text())
    assert (result["events"], result["error"]["status"], result["error"]["code"]) == ([], 0, "UNREACHABLE")
    assert len(proxy.requests) == 6


def test_what_is_wrong_with_a_prompt_is_told_part_by_part(run: Run) -> None:
    error = run(input="")["error"]
    assert (error["name"], error["status"], error["code"]) == ("PointsmanError", 422, "VALIDATION_ERROR")
    assert [issue["path"] for issue in error["issues"]] == [["input"]]
    assert error["requestId"]

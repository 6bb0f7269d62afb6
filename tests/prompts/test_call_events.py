"""The events of tool calls: stored between those of the log, and sent to streams that ask for them only."""

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.agent.loop import tool_call as tool_call_module
from pointsman.db import call_events
from pointsman.db.connection import run_in_transaction
from pointsman.prompts.event_subscription import BEGINNING
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.prompt_stream import (
    PromptStream,
    decide_successfully,
    destroy_turn,
    open_stream,
    start_prompt,
    text_turn,
    unique_text,
)
from tests.prompts.sample_agent import tool_call


def list_all(engine: EngineHarness, prompt_id: str) -> list[tuple[str, str, dict]]:
    events = run_in_transaction(call_events.list_all_after, prompt_id, engine.user_id, BEGINNING) or []
    return [(str(event.position), event.event, event.data) for event in events]


def names_with_ids(messages: list) -> list[tuple[str, str]]:
    return [(message.id, message.event) for message in messages]


def open_with_call_events(client: httpx.Client, prompt_id: str, last_event_id: str | None = None) -> PromptStream:
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    url = f"/prompts/{prompt_id}/stream?events=all"
    return PromptStream(client, client.build_request("GET", url, headers=headers))


def test_a_call_is_announced_before_its_output_and_the_log_keeps_its_numbers(engine: EngineHarness) -> None:
    calls = [tool_call("effects.bump", f"call_{name}", name=name) for name in "ab"]
    prompt_id = engine.submit_and_advance({"text": "Both.", "calls": calls}, {"text": "Done."})
    events = list_all(engine, prompt_id)
    assert [(position, event) for position, event, _ in events] == [
        ("1", "prompt.created"),
        ("2", "prompt.output"),
        ("2.1", "prompt.call"),
        ("3", "prompt.output"),
        ("3.1", "prompt.call"),
        ("4", "prompt.output"),
        ("5", "prompt.output"),
        ("6", "prompt.completed"),
    ]
    call = events[2][2]
    assert list(call) == ["promptId", "toolCallId", "toolName", "input", "start"]
    assert (call["toolCallId"], call["toolName"], call["input"]) == ("call_a", "effects.bump", {"name": "a"})
    assert len(engine.events(prompt_id)) == 6


def test_a_call_that_cannot_run_is_not_announced(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance({"calls": [tool_call("effects.nothing")]}, {"text": "Well."})
    assert "prompt.call" not in [event for _, event, _ in list_all(engine, prompt_id)]


@pytest.mark.parametrize("approve", [True, False])
def test_a_decision_is_an_event_with_its_user(engine: EngineHarness, approve: bool) -> None:
    prompt_id = engine.submit_and_advance({"calls": [tool_call("effects.ask", name="a")]}, {"text": "Done."})
    reason = {} if approve else {"reason": "No\0."}
    engine.decide(prompt_id, approve, **reason)
    engine.advance(prompt_id)
    events = list_all(engine, prompt_id)
    decision = "approved" if approve else "rejected"
    expected = {"promptId": prompt_id, "toolCallId": "call_1", "decision": decision, **reason}
    assert events[2] == ("2.1", "prompt.decided", {**expected, "decidedBy": engine.user_id})
    following = [event for _, event, _ in events[3:]]
    ending = ["prompt.output", "prompt.output", "prompt.completed"]
    assert following == (["prompt.call", *ending] if approve else ending)


def test_an_expiry_is_a_decision_of_nobody(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance({"calls": [tool_call("effects.ask", name="a")]}, {"text": "Done."})
    engine.db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (prompt_id,))
    engine.advance(prompt_id)
    decided = [data for _, event, data in list_all(engine, prompt_id) if event == "prompt.decided"]
    assert decided == [{"promptId": prompt_id, "toolCallId": "call_1", "decision": "expired"}]


def test_a_call_that_was_interrupted_was_announced_once(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*args: object) -> None:
        raise SystemExit

    prompt_id = engine.submit({"calls": [tool_call("effects.bump", name="a")]}, {"text": "Done."})
    with monkeypatch.context() as dying:
        dying.setattr(tool_call_module, "_run_tool", die)
        with pytest.raises(SystemExit):
            engine.advance(prompt_id)
    engine.advance(prompt_id)
    names = [event for _, event, _ in list_all(engine, prompt_id)]
    assert names == ["prompt.created", "prompt.call", "prompt.output", "prompt.output", "prompt.completed"]


def test_streams_send_call_events_only_when_asked(agent: httpx.Client, simulator: SimulatorClient) -> None:
    text = unique_text()
    simulator.script_model(destroy_turn(), text_turn("Done."), match=text)
    with_calls = PromptStream(
        agent, agent.build_request("POST", "/prompt", params={"events": "all"}, json={"input": text})
    )
    with_calls.read_until_event("prompt.approval")
    plain = open_stream(agent, with_calls.prompt_id)
    decide_successfully(agent, with_calls.prompt_id)
    everything = names_with_ids(with_calls.read_to_end())
    assert everything == [
        ("1", "prompt.created"),
        ("2", "prompt.approval"),
        ("2.1", "prompt.decided"),
        ("2.2", "prompt.call"),
        ("3", "prompt.output"),
        ("4", "prompt.output"),
        ("5", "prompt.completed"),
    ]
    assert names_with_ids(plain.read_to_end()) == [pair for pair in everything if "." not in pair[0]]
    for index, (event_id, _) in enumerate(everything[:-1]):
        resumed = open_with_call_events(agent, with_calls.prompt_id, event_id).read_to_end()
        assert names_with_ids(resumed) == everything[index + 1 :]
        resumed_plainly = open_stream(agent, with_calls.prompt_id, event_id).read_to_end()
        assert names_with_ids(resumed_plainly) == [pair for pair in everything[index + 1 :] if "." not in pair[0]]
    url = f"/prompts/{with_calls.prompt_id}/stream?events=all"
    assert agent.get(url, headers={"Last-Event-ID": "5"}).status_code == 204


def test_an_unknown_position_or_selection_is_refused(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, text_turn("Hello."))
    stream.read_to_end()
    for event_id in ("2.1", "1.0.1", "9", "x", "1."):
        for query in ("", "?events=all"):
            response = agent.get(f"/prompts/{stream.prompt_id}/stream{query}", headers={"Last-Event-ID": event_id})
            assert response.status_code == 422, event_id
    for query in ("events=calls", "events=", "events=all&events=all"):
        for method, path in (("POST", "/prompt"), ("GET", f"/prompts/{stream.prompt_id}/stream")):
            response = agent.request(method, f"{path}?{query}", json={"input": "x"} if method == "POST" else None)
            assert response.status_code == 422, response.text
            assert "events" in response.text

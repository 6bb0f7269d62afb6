"""Approvals: exactly one decision, by the prompt's user, about exactly the arguments shown; and cancelling."""

import json

import pytest
from pydantic import Field

from pointsman.agent import Tool
from pointsman.errors import PromptNotFound
from pointsman.prompts import approvals, queries, termination
from pointsman.prompts.event_subscription import BEGINNING, EventSubscription
from tests.harness.wait import wait_until
from tests.prompts import sample_agent
from tests.prompts.engine_harness import TIMESTAMP, EngineHarness
from tests.prompts.engine_processes import ACCEPTED, REFUSED, advance_in_process, start_advance, start_deciders
from tests.prompts.sample_agent import tool_call


def submit_needing_approval(engine: EngineHarness, **arguments: object) -> str:
    prompt_id = engine.submit({"calls": [tool_call("effects.ask", **(arguments or {"name": "a"}))]}, {"text": "Done."})
    assert engine.advance(prompt_id)["next"] == "wait"
    return prompt_id


def test_page_has_the_approval_while_the_prompt_waits(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    page = queries.get_prompt(engine.user_id, prompt_id)
    assert list(page) == ["id", "input", "model", "status", "outputs", "approval", "usage", "createdAt", "updatedAt"]
    approval = page["approval"]
    assert isinstance(approval, dict)
    assert list(approval) == ["promptId", "toolCallId", "toolName", "input", "reason", "expiresAt"]
    assert TIMESTAMP.fullmatch(approval["expiresAt"])
    engine.decide(prompt_id)
    assert "approval" not in queries.get_prompt(engine.user_id, prompt_id)
    engine.advance(prompt_id)
    page = queries.get_prompt(engine.user_id, prompt_id)
    assert (page["status"], [output["type"] for output in page["outputs"]]) == ("completed", ["tool", "text"])  # type: ignore[union-attr]


def test_page_of_a_failed_prompt_has_the_error_and_its_conversation(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    prompt_id = engine.submit_and_advance({"error": {"status": 400}, "times": None}, conversation_id=conversation_id)
    page = queries.get_prompt(engine.user_id, prompt_id)
    assert (page["conversationId"], page["error"]) == (conversation_id, engine.last_event(prompt_id)[1]["message"])


@pytest.mark.parametrize("wrong", ["user", "prompt", "call", "input", "no id", "nul"])
def test_decisions_of_others_and_about_other_input_are_rejected(engine: EngineHarness, wrong: str) -> None:
    prompt_id = submit_needing_approval(engine)
    user, wanted_id, call_id, options = engine.user_id, prompt_id, "call_1", {}
    if wrong == "user":
        user = "somebody-else"
    elif wrong == "prompt":
        wanted_id = "prompt-" + "0" * 32
    elif wrong == "call":
        call_id = "call_2"
    elif wrong == "input":
        options = {"expected_input": {"name": "b"}}
    else:
        wanted_id = "prompt" if wrong == "no id" else f"{prompt_id}\0"
    with pytest.raises(PromptNotFound):
        approvals.decide(user, wanted_id, call_id, True, **options)
    assert (engine.status(prompt_id), engine.advance(prompt_id)["next"], engine.effects()) == ("waiting", "wait", [])
    engine.decide(prompt_id, expected_input={"name": "a"})
    engine.advance(prompt_id)
    assert engine.effects() == ["a"]


def test_repeated_and_stale_decisions_are_rejected(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    engine.decide(prompt_id, approve=False)
    for _ in range(2):
        with pytest.raises(PromptNotFound):
            engine.decide(prompt_id)
        engine.advance(prompt_id)
    assert (engine.effects(), engine.status(prompt_id)) == ([], "completed")


def test_expired_approval_is_rejected_even_before_the_loop_notices(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    engine.db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (prompt_id,))
    with pytest.raises(PromptNotFound):
        engine.decide(prompt_id)
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.effects() == []


def test_approval_is_bound_to_the_arguments(engine: EngineHarness) -> None:
    """A writer to the database may change the stored call, but not what was approved."""
    prompt_id = submit_needing_approval(engine)
    engine.decide(prompt_id)
    stored_call = {"id": "call_1", "name": "effects.ask", "arguments": '{"name": "b"}'}
    engine.db.execute("UPDATE prompt_calls SET asked = %s WHERE prompt_id = %s", (json.dumps(stored_call), prompt_id))
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.tool_results(prompt_id) == ["Not run: this is not any more what was approved"]
    assert engine.effects() == []


def test_approval_is_void_when_a_default_has_changed(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt_id = submit_needing_approval(engine)
    engine.decide(prompt_id)

    class Bump(sample_agent.EffectInput):
        by: int = 2

    tools = {tool.id: tool for tool in sample_agent.EffectsPlugin.tools}
    old = tools["effects.ask"]
    new = Tool(old.id, old.description, Bump, old.output, old.invoke, approval=old.approval)
    monkeypatch.setattr(sample_agent.EffectsPlugin, "tools", (tools["effects.bump"], new))
    engine.advance(prompt_id)
    assert engine.tool_results(prompt_id) == ["Not run: this is not any more what was approved"]
    assert engine.effects() == []


def test_exactly_one_of_fifty_concurrent_decisions_is_accepted(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    with engine.db.transaction():
        engine.db.execute("SELECT FROM prompts WHERE id = %s FOR UPDATE", (prompt_id,))
        processes = start_deciders(engine.environment, engine.user_id, prompt_id, "call_1", 50)
        engine.wait_for_blocked_sessions(50, 60)
    for process in processes:
        process.join(60)
    codes = sorted(process.exitcode or 0 for process in processes)
    assert codes == [ACCEPTED] + [REFUSED] * 49
    taken = engine.db.execute("SELECT state FROM prompt_calls WHERE prompt_id = %s", (prompt_id,)).fetchone()
    assert taken is not None
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.effects() == (["a"] if taken["state"] == "approved" else [])


def test_decision_before_the_task_token_needs_no_wait(engine: EngineHarness) -> None:
    early, late = submit_needing_approval(engine), submit_needing_approval(engine)
    engine.decide(early)
    restarts = engine.prompt_row(early)["restarts"]
    assert approvals.register_task_token(early, restarts, "token-1") == {"waiting": False}
    assert approvals.register_task_token(late, 0, "token-2") == {"waiting": True}
    assert engine.prompt_row(late)["task_token"] == "token-2"


def test_superseded_execution_neither_waits_nor_advances(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    assert approvals.register_task_token(prompt_id, 5, "token") == {"waiting": False}
    assert engine.prompt_row(prompt_id)["task_token"] is None
    engine.decide(prompt_id)
    assert advance_in_process(engine.environment, prompt_id, 5, 0, "before") == "done"
    assert (engine.status(prompt_id), engine.effects()) == ("running", [])


def test_waiting_prompt_can_be_cancelled(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    termination.cancel(engine.user_id, prompt_id)
    events = engine.events(prompt_id)
    assert [event for event, _ in events] == ["prompt.created", "prompt.approval", "error"]
    assert events[-1][1] == {"message": "The prompt was cancelled"}
    with pytest.raises(PromptNotFound):
        engine.decide(prompt_id)
    assert (engine.advance(prompt_id)["next"], engine.status(prompt_id), engine.effects()) == ("done", "cancelled", [])


def test_tool_running_at_the_cancellation_has_an_unknown_outcome(engine: EngineHarness) -> None:
    prompt_id = engine.submit(
        {"calls": [tool_call("effects.bump", name="a"), tool_call("effects.bump", "call_2", name="b")]}
    )
    with engine.db.transaction():
        engine.db.execute("LOCK TABLE test_effects IN SHARE MODE")
        process = start_advance(engine.environment, prompt_id, engine.prompt_row(prompt_id)["restarts"])
        query = "SELECT FROM prompt_calls WHERE prompt_id = %s AND state = 'running'"
        wait_until(lambda: engine.db.execute(query, (prompt_id,)).rowcount == 1)
        termination.cancel(engine.user_id, prompt_id)
    process.join(20)
    assert process.exitcode == 0
    events = engine.events(prompt_id)
    assert [event for event, _ in events] == ["prompt.created", "prompt.output", "error"]
    assert events[1][1]["result"]["error"].startswith("Outcome unknown: the prompt was cancelled while the tool was")
    assert (engine.status(prompt_id), engine.effects()) == ("cancelled", ["a"])


def test_cancelling_an_ended_prompt_changes_nothing(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance({"text": "Done."})
    events = engine.events(prompt_id)
    termination.cancel(engine.user_id, prompt_id)
    assert (engine.events(prompt_id), engine.status(prompt_id)) == (events, "completed")


def replay_events(user_id: str, prompt_id: str) -> None:
    EventSubscription(user_id, prompt_id, BEGINNING).replay()


def test_another_users_prompt_is_neither_read_nor_cancelled(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    for attempt in (termination.cancel, queries.get_prompt, replay_events):
        for wanted_id in (prompt_id, "prompt-" + "0" * 32, "nonsense\0"):
            with pytest.raises(PromptNotFound):
                attempt("somebody-else", wanted_id)
    assert engine.status(prompt_id) == "waiting"


@pytest.mark.limit("approval-reason")
@pytest.mark.parametrize("name", ["a\u202eb", "a\u200bb", "a\u2066b", "a b ", "a\nb", "\U000e0041a", "a\u00a0b"])
def test_nothing_of_an_approval_is_hidden(engine: EngineHarness, name: str) -> None:
    prompt_id = submit_needing_approval(engine, name=name)
    (event,) = [data for event, data in engine.events(prompt_id) if event == "prompt.approval"]
    page = queries.get_prompt(engine.user_id, prompt_id)["approval"]
    (listed,) = approvals.list_pending(engine.user_id, ["*"], None, 10)["approvals"]  # type: ignore[misc]
    for shown in (event, page, listed):
        assert isinstance(shown, dict)
        assert shown["input"]["name"] != name
        assert shown["input"]["name"].isascii()
        assert shown["input"]["name"].isprintable()
        assert shown["reason"] == f"Leaves {shown['input']['name']}"
    with pytest.raises(PromptNotFound):
        engine.decide(prompt_id, expected_input={"name": "ab"})
    engine.decide(prompt_id, expected_input=event["input"])
    engine.advance(prompt_id)
    assert engine.effects() == [name]


@pytest.mark.limit("approval-input")
def test_large_input_of_an_approval_is_shortened_and_still_bound(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Long(sample_agent.EffectInput):
        name: str
        covers: dict[str, str] = Field({})

    tools = {tool.id: tool for tool in sample_agent.EffectsPlugin.tools}
    old = tools["effects.ask"]
    explain = lambda arguments: f"Leaves {arguments.name} {arguments.covers}"  # noqa: E731
    new = Tool(old.id, old.description, Long, old.output, old.invoke, approval=explain)
    monkeypatch.setattr(sample_agent.EffectsPlugin, "tools", (tools["effects.bump"], new))
    covers = {f"k{number}": "x" * 10_000 for number in range(50)}
    prompt_id = submit_needing_approval(engine, covers=covers, name="a")
    (event,) = [data for event, data in engine.events(prompt_id) if event == "prompt.approval"]
    assert len(json.dumps(event)) < 20_000
    assert event["input"]["name"] == "a"
    assert "10000 characters, SHA-256 " in event["input"]["covers"]["k49"]
    assert " characters, SHA-256 " in event["reason"]
    changed = json.dumps({"covers": {**covers, "k7": "x" * 9_999 + "y"}, "name": "a"})
    row = {"id": "call_1", "name": "effects.ask", "arguments": changed}
    engine.decide(prompt_id)
    engine.db.execute("UPDATE prompt_calls SET asked = %s WHERE prompt_id = %s", (json.dumps(row), prompt_id))
    engine.advance(prompt_id)
    assert engine.tool_results(prompt_id) == ["Not run: this is not any more what was approved"]


@pytest.mark.limit("call-id")
@pytest.mark.parametrize("call_id", ["call\u202e1", "call 1", "c" * 65, "", "é"])
def test_id_of_a_call_is_plain_whatever_the_model_calls_it(engine: EngineHarness, call_id: str) -> None:
    prompt_id = engine.submit({"calls": [tool_call("effects.ask", call_id, name="a")]}, {"text": "Done."})
    engine.advance(prompt_id)
    (event,) = [data for event, data in engine.events(prompt_id) if event == "prompt.approval"]
    assert event["toolCallId"].startswith("call_")
    assert event["toolCallId"].isascii()
    assert len(event["toolCallId"]) <= 64
    engine.decide(prompt_id, call_id=event["toolCallId"])
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.effects() == ["a"]

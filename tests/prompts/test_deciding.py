"""Approvals: exactly one decision about exactly what was shown, by whom it was shown to; and cancelling."""

import json

import pytest

from pointsman.agent import Tool
from pointsman.errors import PromptNotFound
from pointsman.prompts import deciding, reading, waiting
from tests.prompts import agent_of_tests
from tests.prompts.agent_of_tests import call
from tests.prompts.bench import TIME, Bench, until_true
from tests.prompts.killed import REFUSED, WON, advanced, begun, deciders


def asking(bench: Bench, **given: object) -> str:
    prompt_id = bench.begin({"calls": [call("effects.ask", **(given or {"name": "a"}))]}, {"text": "Done."})
    assert bench.advance(prompt_id)["next"] == "wait"
    return prompt_id


def test_page_shows_the_approval_while_it_waits(bench: Bench) -> None:
    prompt_id = asking(bench)
    page = reading.page(bench.user, prompt_id)
    assert list(page) == ["id", "input", "model", "status", "outputs", "approval", "usage", "createdAt", "updatedAt"]
    approval = page["approval"]
    assert isinstance(approval, dict)
    assert list(approval) == ["promptId", "toolCallId", "toolName", "input", "reason", "expiresAt"]
    assert TIME.fullmatch(approval["expiresAt"])
    bench.decide(prompt_id)
    assert "approval" not in reading.page(bench.user, prompt_id)
    bench.advance(prompt_id)
    page = reading.page(bench.user, prompt_id)
    assert (page["status"], [one["type"] for one in page["outputs"]]) == ("completed", ["tool", "text"])  # type: ignore[union-attr]


def test_page_of_a_failed_prompt_tells_the_error_and_its_conversation(bench: Bench) -> None:
    conversation_id = bench.conversation()
    prompt_id = bench.run({"error": {"status": 400}, "times": None}, conversation_id=conversation_id)
    page = reading.page(bench.user, prompt_id)
    assert (page["conversationId"], page["error"]) == (conversation_id, bench.last(prompt_id)[1]["message"])


@pytest.mark.parametrize("wrong", ["user", "prompt", "call", "input", "no id", "nul"])
def test_foreign_and_differently_argued_decisions_are_refused(bench: Bench, wrong: str) -> None:
    prompt_id = asking(bench)
    user, wanted, call_id, options = bench.user, prompt_id, "call_1", {}
    if wrong == "user":
        user = "somebody-else"
    elif wrong == "prompt":
        wanted = "prompt-" + "0" * 32
    elif wrong == "call":
        call_id = "call_2"
    elif wrong == "input":
        options = {"given": {"name": "b"}}
    else:
        wanted = "prompt" if wrong == "no id" else f"{prompt_id}\0"
    with pytest.raises(PromptNotFound):
        deciding.decide(user, wanted, call_id, True, **options)
    assert (bench.status(prompt_id), bench.advance(prompt_id)["next"], bench.effects()) == ("waiting", "wait", [])
    bench.decide(prompt_id, given={"name": "a"})
    bench.advance(prompt_id)
    assert bench.effects() == ["a"]


def test_repeated_and_stale_decisions_are_refused(bench: Bench) -> None:
    prompt_id = asking(bench)
    bench.decide(prompt_id, approve=False)
    for _ in range(2):
        with pytest.raises(PromptNotFound):
            bench.decide(prompt_id)
        bench.advance(prompt_id)
    assert (bench.effects(), bench.status(prompt_id)) == ([], "completed")


def test_expired_approval_cannot_be_given_even_before_anybody_has_noticed(bench: Bench) -> None:
    prompt_id = asking(bench)
    bench.db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (prompt_id,))
    with pytest.raises(PromptNotFound):
        bench.decide(prompt_id)
    assert bench.advance(prompt_id)["next"] == "done"
    assert bench.effects() == []


def test_approval_is_of_these_arguments_only(bench: Bench) -> None:
    """Whoever can write to the database may change the stored call, but not what was approved."""
    prompt_id = asking(bench)
    bench.decide(prompt_id)
    asked = {"id": "call_1", "name": "effects.ask", "arguments": '{"name": "b"}'}
    bench.db.execute("UPDATE prompt_calls SET asked = %s WHERE prompt_id = %s", (json.dumps(asked), prompt_id))
    assert bench.advance(prompt_id)["next"] == "done"
    assert bench.results(prompt_id) == ["Not run: this is not any more what was approved"]
    assert bench.effects() == []


def test_approval_does_not_hold_for_a_default_that_has_changed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt_id = asking(bench)
    bench.decide(prompt_id)

    class Bump(agent_of_tests.Bump):
        by: int = 2

    tools = {tool.id: tool for tool in agent_of_tests.Effects.tools}
    old = tools["effects.ask"]
    new = Tool(old.id, old.description, Bump, old.output, old.invoke, approval=old.approval)
    monkeypatch.setattr(agent_of_tests.Effects, "tools", (tools["effects.bump"], new))
    bench.advance(prompt_id)
    assert bench.results(prompt_id) == ["Not run: this is not any more what was approved"]
    assert bench.effects() == []


def test_of_fifty_decisions_at_once_exactly_one_is_taken(bench: Bench) -> None:
    prompt_id = asking(bench)
    with bench.db.transaction():
        bench.db.execute("SELECT FROM prompts WHERE id = %s FOR UPDATE", (prompt_id,))
        processes = deciders(bench.environment, bench.user, prompt_id, "call_1", 50)
        bench.until_locked_out(50, 60)
    for process in processes:
        process.join(60)
    codes = sorted(process.exitcode or 0 for process in processes)
    assert codes == [WON] + [REFUSED] * 49
    taken = bench.db.execute("SELECT state FROM prompt_calls WHERE prompt_id = %s", (prompt_id,)).fetchone()
    assert taken is not None
    assert bench.advance(prompt_id)["next"] == "done"
    assert bench.effects() == (["a"] if taken["state"] == "approved" else [])


def test_decision_before_the_token_and_after_it(bench: Bench) -> None:
    early, late = asking(bench), asking(bench)
    bench.decide(early)
    restarts = bench.row(early)["restarts"]
    assert waiting.wait(early, restarts, "token-1") == {"waiting": False}
    assert waiting.wait(late, 0, "token-2") == {"waiting": True}
    assert bench.row(late)["task_token"] == "token-2"


def test_execution_that_is_not_the_newest_may_not_wait_or_advance(bench: Bench) -> None:
    prompt_id = asking(bench)
    assert waiting.wait(prompt_id, 5, "token") == {"waiting": False}
    assert bench.row(prompt_id)["task_token"] is None
    bench.decide(prompt_id)
    assert advanced(bench.environment, prompt_id, 5, 0, "before") == "done"
    assert (bench.status(prompt_id), bench.effects()) == ("running", [])


def test_cancelled_while_it_waits(bench: Bench) -> None:
    prompt_id = asking(bench)
    deciding.cancel(bench.user, prompt_id)
    told = bench.told(prompt_id)
    assert [event for event, _ in told] == ["prompt.created", "prompt.approval", "error"]
    assert told[-1][1] == {"message": "The prompt was cancelled"}
    with pytest.raises(PromptNotFound):
        bench.decide(prompt_id)
    assert (bench.advance(prompt_id)["next"], bench.status(prompt_id), bench.effects()) == ("done", "cancelled", [])


def test_cancelled_while_a_tool_runs_tells_that_its_outcome_is_unknown(bench: Bench) -> None:
    prompt_id = bench.begin({"calls": [call("effects.bump", name="a"), call("effects.bump", "call_2", name="b")]})
    with bench.db.transaction():
        bench.db.execute("LOCK TABLE test_effects IN SHARE MODE")
        process = begun(bench.environment, prompt_id, bench.row(prompt_id)["restarts"])
        query = "SELECT FROM prompt_calls WHERE prompt_id = %s AND state = 'running'"
        until_true(lambda: bench.db.execute(query, (prompt_id,)).rowcount == 1)
        deciding.cancel(bench.user, prompt_id)
    process.join(20)
    assert process.exitcode == 0
    told = bench.told(prompt_id)
    assert [event for event, _ in told] == ["prompt.created", "prompt.output", "error"]
    assert told[1][1]["result"]["error"].startswith("Outcome unknown: the prompt was cancelled while the tool was")
    assert (bench.status(prompt_id), bench.effects()) == ("cancelled", ["a"])


def test_cancelling_what_has_ended_changes_nothing(bench: Bench) -> None:
    prompt_id = bench.run({"text": "Done."})
    told = bench.told(prompt_id)
    deciding.cancel(bench.user, prompt_id)
    assert (bench.told(prompt_id), bench.status(prompt_id)) == (told, "completed")


def test_another_users_prompt_is_neither_seen_nor_cancelled(bench: Bench) -> None:
    prompt_id = asking(bench)
    for attempt in (deciding.cancel, reading.page, reading.events_after):
        for wanted in (prompt_id, "prompt-" + "0" * 32, "nonsense\0"):
            with pytest.raises(PromptNotFound):
                attempt("somebody-else", wanted)
    assert bench.status(prompt_id) == "waiting"

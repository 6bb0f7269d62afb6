"""Prompts of a conversation: what the model is told of the earlier ones, and one at a time."""

import json
import time

import pytest

from pointsman.agent.loop.history import history
from pointsman.db import connection, prompt_runs
from pointsman.errors import ConversationBusy, NotFound
from pointsman.prompts import beginning, deciding
from tests.prompts.agent_of_tests import call
from tests.prompts.bench import Bench
from tests.prompts.killed import begun


def replayed(bench: Bench, prompt_id: str) -> list[dict]:
    """What the model is told for this prompt."""

    def read(db: connection.Connection) -> list[dict]:
        run = prompt_runs.get(db, prompt_id)
        assert run is not None
        return history(db, run)

    return connection.run(read)


def kinds(items: list[dict]) -> list[str]:
    return [f"{item['role']}" if item["type"] == "message" else item["type"] for item in items]


def test_history_is_replayed_in_full_and_unchanged(bench: Bench) -> None:
    conversation_id = bench.conversation()
    first = bench.run(
        {"calls": [call("effects.bump", name="a")], "reasoning": "Hm."},
        {"text": "Done."},
        conversation_id=conversation_id,
    )
    stored = [row["item"] for row in bench.db.execute(
        "SELECT item FROM prompt_items WHERE prompt_id = %s ORDER BY seq", (first,)
    ).fetchall()]  # fmt: skip
    second = bench.run({"text": "Again."}, conversation_id=conversation_id)
    items = replayed(bench, second)
    assert items[: len(stored)] == stored
    assert kinds(items) == [
        "user",
        "reasoning",
        "function_call",
        "function_call_output",
        "assistant",
        "user",
        "assistant",
    ]
    assert json.loads(items[3]["output"]) == {"name": "a", "by": 1}
    assert bench.last(second)[0] == "prompt.completed"


def test_prompt_without_a_conversation_stands_alone(bench: Bench) -> None:
    bench.run({"text": "One."})
    assert kinds(replayed(bench, bench.run({"text": "Two."}))) == ["user", "assistant"]


def test_call_that_was_never_run_has_an_output_when_it_is_replayed(bench: Bench) -> None:
    conversation_id = bench.conversation()
    calls = [call("effects.ask", "call_1", name="a"), call("effects.bump", "call_2", name="b")]
    first = bench.begin({"calls": calls}, conversation_id=conversation_id)
    bench.advance(first)
    deciding.cancel(bench.user, first)
    second = bench.run({"text": "Well then."}, conversation_id=conversation_id)
    assert bench.last(second)[0] == "prompt.completed"
    outputs = [item for item in replayed(bench, second) if item["type"] == "function_call_output"]
    assert [(one["call_id"], json.loads(one["output"])) for one in outputs] == [
        (call_id, {"error": "Not run: the prompt was cancelled"}) for call_id in ("call_1", "call_2")
    ]
    assert bench.effects() == []


def test_failed_prompt_stays_in_the_history(bench: Bench) -> None:
    conversation_id = bench.conversation()
    bench.run({"error": {"status": 400}, "times": None}, conversation_id=conversation_id)
    second = bench.run({"text": "Now."}, conversation_id=conversation_id)
    assert kinds(replayed(bench, second)) == ["user", "user", "assistant"]
    assert bench.last(second)[0] == "prompt.completed"


def test_second_call_of_an_id_gets_another_so_that_no_decision_is_taken_for_both(bench: Bench) -> None:
    conversation_id = bench.conversation()
    for _ in range(2):
        bench.run({"calls": [call("effects.bump", name="a")]}, {"text": "Done."}, conversation_id=conversation_id)
    again = bench.begin(
        {"calls": [call("effects.ask", name="b")]},
        {"calls": [call("effects.ask", name="c")]},
        {"text": "Done."},
        conversation_id=conversation_id,
    )
    ids = []
    for _ in range(2):
        assert bench.advance(again)["next"] == "wait"
        ids.append(bench.told(again)[-1][1]["toolCallId"])
        bench.decide(again, call_id=ids[-1])
    assert bench.advance(again)["next"] == "done"
    assert ids == ["call_1-3", "call_1-4"]
    assert bench.effects() == ["a", "a", "b", "c"]
    assert bench.last(again)[0] == "prompt.completed"


def test_what_tools_keep_goes_from_call_to_call_and_from_prompt_to_prompt(bench: Bench) -> None:
    conversation_id = bench.conversation()
    calls = [call("effects.keep", "call_1"), call("effects.keep", "call_2")]
    first = bench.run({"calls": calls}, {"text": "Done."}, conversation_id=conversation_id)
    second = bench.run({"calls": [call("effects.keep", "call_3")]}, {"text": "Done."}, conversation_id=conversation_id)
    alone = bench.run({"calls": [call("effects.keep")]}, {"text": "Done."})
    assert bench.results(first) == [{"calls": 1}, {"calls": 2}]
    assert bench.results(second) == [{"calls": 3}]
    assert bench.results(alone) == [{"calls": 1}]


@pytest.mark.parametrize("state", ["running", "waiting"])
def test_second_prompt_at_once_is_refused(bench: Bench, state: str) -> None:
    conversation_id = bench.conversation()
    first = bench.begin({"calls": [call("effects.ask", name="a")]}, {"text": "Done."}, conversation_id=conversation_id)
    if state == "waiting":
        bench.advance(first)
    with pytest.raises(ConversationBusy):
        bench.begin(conversation_id=conversation_id)
    deciding.cancel(bench.user, first)
    assert bench.begin(conversation_id=conversation_id) != first


def test_conversation_of_somebody_else_is_not_found(bench: Bench) -> None:
    conversation_id = bench.conversation()
    for user, wanted in (("somebody-else", conversation_id), (bench.user, "conv-" + "0" * 32), (bench.user, "x\0y")):
        with pytest.raises(NotFound, match="Conversation"):
            beginning.begin(user, "Hello", conversation_id=wanted)
    assert bench.tool("conversation.get", conversationId=conversation_id)["prompts"] == []


def test_title_and_order_of_conversations(bench: Bench) -> None:
    older, newer = bench.conversation(), bench.conversation()
    prompt_id = bench.begin({"text": "Hi."}, text=f"\n  {'long ' * 30}\nsecond line", conversation_id=older)
    listed = bench.tool("conversation.list")["conversations"]
    assert [one["id"] for one in listed] == [older, newer]
    title = ("long " * 30)[:79] + "…"
    assert (listed[0]["title"], "title" in listed[1]) == (title, False)
    bench.advance(prompt_id)
    begun = bench.tool("conversation.list")["conversations"]
    bench.run({"text": "Hi."}, text="Another title", conversation_id=newer)
    bench.run({"text": "Hi."}, text="No title", conversation_id=older)
    listed = bench.tool("conversation.list")["conversations"]
    assert [(one["id"], one["title"]) for one in listed] == [(older, title), (newer, "Another title")]
    assert listed[0]["updatedAt"] > begun[0]["updatedAt"]
    shown = bench.tool("conversation.get", conversationId=older)["prompts"]
    assert [(one["status"], one["input"]) for one in shown][1] == ("completed", "No title")


def test_conversation_deleted_in_the_middle_leaves_the_prompt_running(bench: Bench) -> None:
    conversation_id = bench.conversation()
    prompt_id = bench.begin(
        {"calls": [call("effects.ask", name="a")]}, {"text": "Done."}, conversation_id=conversation_id
    )
    bench.advance(prompt_id)
    assert bench.tool("conversation.delete", conversationId=conversation_id) == {"deleted": True}
    bench.decide(prompt_id)
    assert bench.advance(prompt_id)["next"] == "done"
    assert (bench.last(prompt_id)[0], bench.effects()) == ("prompt.completed", ["a"])


def test_deleting_and_ending_at_once_do_not_stop_each_other(bench: Bench) -> None:
    """Both lock the conversation first, or one of them would be broken off by a deadlock."""
    conversation_id = bench.conversation()
    prompt_id = bench.begin({"text": "Hi."}, conversation_id=conversation_id)
    with bench.db.transaction():
        bench.db.execute("SELECT FROM conversations WHERE id = %s FOR UPDATE", (conversation_id,))
        process = begun(bench.environment, prompt_id, 0)
        bench.until_locked_out(1)
        bench.db.execute("SET LOCAL lock_timeout = '5s'")
        bench.db.execute("DELETE FROM conversations WHERE id = %s", (conversation_id,))
    process.join(20)
    assert process.exitcode == 0
    assert bench.last(prompt_id)[0] == "prompt.completed"


def test_replay_is_fast_for_long_conversations(bench: Bench) -> None:
    conversation_id = bench.conversation()
    prompt_id = bench.run({"text": "Hi."}, conversation_id=conversation_id)
    bench.db.execute(
        "INSERT INTO prompt_items (prompt_id, seq, turn, item) SELECT %s, n, 1, %s FROM generate_series(100, 5100) n",
        (prompt_id, json.dumps({"type": "message", "role": "user", "content": "x" * 200})),
    )
    second = bench.begin(conversation_id=conversation_id)
    began = time.process_time()
    assert len(replayed(bench, second)) > 5000
    assert time.process_time() - began < 2

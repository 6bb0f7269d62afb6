"""Prompts of a conversation: the history that the model gets, and one prompt at a time."""

import json
import time

import pytest

from pointsman.agent.loop.history import load_history
from pointsman.db import connection, prompt_runs
from pointsman.errors import ConversationBusy, NotFound
from pointsman.prompts import termination
from tests.prompts.engine_harness import EngineHarness, submit_prompt
from tests.prompts.engine_processes import start_advance
from tests.prompts.sample_agent import tool_call


def replay_history(engine: EngineHarness, prompt_id: str, max_bytes: int = 300_000) -> list[dict]:
    """Load the history that the model gets for this prompt."""

    def read(db: connection.Connection) -> list[dict]:
        run = prompt_runs.get(db, prompt_id)
        assert run is not None
        return [row.item for row in load_history(db, run, max_bytes).items]

    return connection.run_in_transaction(read)


def item_kinds(items: list[dict]) -> list[str]:
    return [f"{item['role']}" if item["type"] == "message" else item["type"] for item in items]


def test_history_is_replayed_in_full_and_unchanged(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    first = engine.submit_and_advance(
        {"calls": [tool_call("effects.bump", name="a")], "reasoning": "Hm."},
        {"text": "Done."},
        conversation_id=conversation_id,
    )
    stored = [row["item"] for row in engine.db.execute(
        "SELECT item FROM prompt_items WHERE prompt_id = %s ORDER BY seq", (first,)
    ).fetchall()]  # fmt: skip
    second = engine.submit_and_advance({"text": "Again."}, conversation_id=conversation_id)
    items = replay_history(engine, second)
    assert items[: len(stored)] == stored
    assert item_kinds(items) == [
        "user",
        "reasoning",
        "function_call",
        "function_call_output",
        "assistant",
        "user",
        "assistant",
    ]
    assert json.loads(items[3]["output"]) == {"name": "a", "by": 1}
    assert engine.last_event(second)[0] == "prompt.completed"


def test_prompt_without_a_conversation_has_no_history(engine: EngineHarness) -> None:
    engine.submit_and_advance({"text": "One."})
    assert item_kinds(replay_history(engine, engine.submit_and_advance({"text": "Two."}))) == ["user", "assistant"]


def test_call_that_was_never_run_is_replayed_with_an_output(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    calls = [tool_call("effects.ask", "call_1", name="a"), tool_call("effects.bump", "call_2", name="b")]
    first = engine.submit({"calls": calls}, conversation_id=conversation_id)
    engine.advance(first)
    termination.cancel(engine.user_id, first)
    second = engine.submit_and_advance({"text": "Well then."}, conversation_id=conversation_id)
    assert engine.last_event(second)[0] == "prompt.completed"
    outputs = [item for item in replay_history(engine, second) if item["type"] == "function_call_output"]
    assert [(output["call_id"], json.loads(output["output"])) for output in outputs] == [
        (call_id, {"error": "Not run: the prompt was cancelled"}) for call_id in ("call_1", "call_2")
    ]
    assert engine.effects() == []


def test_failed_prompt_stays_in_the_history(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    engine.submit_and_advance({"error": {"status": 400}, "times": None}, conversation_id=conversation_id)
    second = engine.submit_and_advance({"text": "Now."}, conversation_id=conversation_id)
    assert item_kinds(replay_history(engine, second)) == ["user", "user", "assistant"]
    assert engine.last_event(second)[0] == "prompt.completed"


def test_repeated_call_ids_are_made_unique(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    for _ in range(2):
        engine.submit_and_advance(
            {"calls": [tool_call("effects.bump", name="a")]}, {"text": "Done."}, conversation_id=conversation_id
        )
    again = engine.submit(
        {"calls": [tool_call("effects.ask", name="b")]},
        {"calls": [tool_call("effects.ask", name="c")]},
        {"text": "Done."},
        conversation_id=conversation_id,
    )
    ids = []
    for _ in range(2):
        assert engine.advance(again)["next"] == "wait"
        ids.append(engine.events(again)[-1][1]["toolCallId"])
        engine.decide(again, call_id=ids[-1])
    assert engine.advance(again)["next"] == "done"
    assert ids == ["call_1-3", "call_1-4"]
    assert engine.effects() == ["a", "a", "b", "c"]
    assert engine.last_event(again)[0] == "prompt.completed"


def test_tool_state_is_kept_across_calls_and_prompts(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    calls = [tool_call("effects.keep", "call_1"), tool_call("effects.keep", "call_2")]
    first = engine.submit_and_advance({"calls": calls}, {"text": "Done."}, conversation_id=conversation_id)
    second = engine.submit_and_advance(
        {"calls": [tool_call("effects.keep", "call_3")]}, {"text": "Done."}, conversation_id=conversation_id
    )
    alone = engine.submit_and_advance({"calls": [tool_call("effects.keep")]}, {"text": "Done."})
    assert engine.tool_results(first) == [{"calls": 1}, {"calls": 2}]
    assert engine.tool_results(second) == [{"calls": 3}]
    assert engine.tool_results(alone) == [{"calls": 1}]


@pytest.mark.parametrize("state", ["running", "waiting"])
def test_second_prompt_while_one_runs_or_waits_is_rejected(engine: EngineHarness, state: str) -> None:
    conversation_id = engine.create_conversation()
    first = engine.submit(
        {"calls": [tool_call("effects.ask", name="a")]}, {"text": "Done."}, conversation_id=conversation_id
    )
    if state == "waiting":
        engine.advance(first)
    with pytest.raises(ConversationBusy):
        engine.submit(conversation_id=conversation_id)
    termination.cancel(engine.user_id, first)
    assert engine.submit(conversation_id=conversation_id) != first


def test_conversation_of_another_user_is_not_found(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    for user, wanted in (
        ("somebody-else", conversation_id),
        (engine.user_id, "conv-" + "0" * 32),
        (engine.user_id, "x\0y"),
    ):
        with pytest.raises(NotFound, match="Conversation"):
            submit_prompt(user, "Hello", conversation_id=wanted)
    assert engine.call_tool("conversation.get", conversationId=conversation_id)["prompts"] == []


def test_title_and_order_of_conversations(engine: EngineHarness) -> None:
    older, newer = engine.create_conversation(), engine.create_conversation()
    prompt_id = engine.submit({"text": "Hi."}, text=f"\n  {'long ' * 30}\nsecond line", conversation_id=older)
    listed = engine.call_tool("conversation.list")["conversations"]
    assert [conversation["id"] for conversation in listed] == [older, newer]
    title = ("long " * 30)[:79] + "…"
    assert (listed[0]["title"], "title" in listed[1]) == (title, False)
    engine.advance(prompt_id)
    earlier = engine.call_tool("conversation.list")["conversations"]
    engine.submit_and_advance({"text": "Hi."}, text="Another title", conversation_id=newer)
    engine.submit_and_advance({"text": "Hi."}, text="No title", conversation_id=older)
    listed = engine.call_tool("conversation.list")["conversations"]
    assert [(conversation["id"], conversation["title"]) for conversation in listed] == [
        (older, title),
        (newer, "Another title"),
    ]
    assert listed[0]["updatedAt"] > earlier[0]["updatedAt"]
    shown = engine.call_tool("conversation.get", conversationId=older)["prompts"]
    assert [(prompt["status"], prompt["input"]) for prompt in shown][1] == ("completed", "No title")


def test_deleting_a_conversation_leaves_its_prompt_running(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    prompt_id = engine.submit(
        {"calls": [tool_call("effects.ask", name="a")]}, {"text": "Done."}, conversation_id=conversation_id
    )
    engine.advance(prompt_id)
    assert engine.call_tool("conversation.delete", conversationId=conversation_id) == {"deleted": True}
    engine.decide(prompt_id)
    assert engine.advance(prompt_id)["next"] == "done"
    assert (engine.last_event(prompt_id)[0], engine.effects()) == ("prompt.completed", ["a"])


def test_concurrent_delete_and_end_do_not_deadlock(engine: EngineHarness) -> None:
    """Both lock the conversation first, or one of them would be aborted by a deadlock."""
    conversation_id = engine.create_conversation()
    prompt_id = engine.submit({"text": "Hi."}, conversation_id=conversation_id)
    with engine.db.transaction():
        engine.db.execute("SELECT FROM conversations WHERE id = %s FOR UPDATE", (conversation_id,))
        process = start_advance(engine.environment, prompt_id, 0)
        engine.wait_for_blocked_sessions(1)
        engine.db.execute("SET LOCAL lock_timeout = '5s'")
        engine.db.execute("DELETE FROM conversations WHERE id = %s", (conversation_id,))
    process.join(20)
    assert process.exitcode == 0
    assert engine.last_event(prompt_id)[0] == "prompt.completed"


def test_replay_is_fast_for_long_conversations(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    prompt_id = engine.submit_and_advance({"text": "Hi."}, conversation_id=conversation_id)
    engine.db.execute(
        "INSERT INTO prompt_items (prompt_id, seq, turn, item) SELECT %s, n, 1, %s FROM generate_series(100, 5100) n",
        (prompt_id, json.dumps({"type": "message", "role": "user", "content": "x" * 200})),
    )
    second = engine.submit(conversation_id=conversation_id)
    started_at = time.process_time()
    assert len(replay_history(engine, second, max_bytes=4_000_000)) > 5000
    assert time.process_time() - started_at < 2

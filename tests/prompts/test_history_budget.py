"""How much of a conversation is read and sent to the model: the newest turns within a budget, and none is cut."""

import json
from typing import Any

import pytest

from pointsman.agent.loop.history import History, load_history
from pointsman.db import connection, prompt_runs
from pointsman.db.prompt_history import MAX_HISTORY_PROMPTS
from pointsman.errors import InvalidSetting
from pointsman.prompts import termination
from pointsman.settings.prompts import PromptSettings
from tests.harness.ids import unique_id
from tests.harness.python_process import run_python
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.sample_agent import tool_call
from tests.prompts.test_replay import sent_types


def read_history(prompt_id: str, max_bytes: int) -> History:
    """Load the history of a prompt within a budget."""

    def read(db: connection.Connection) -> History:
        run = prompt_runs.get(db, prompt_id)
        assert run is not None
        return load_history(db, run, max_bytes)

    return connection.run_in_transaction(read)


def sizes(history: History) -> list[int]:
    return [len(json.dumps(row.item)) for row in history.items]


def make_conversation(engine: EngineHarness) -> tuple[str, str]:
    """Make a conversation of prompts that ended in each way, and a new prompt; the ids of both."""
    conversation_id = engine.create_conversation()
    options = {"conversation_id": conversation_id}
    calls = [tool_call("effects.bump", "call_1", name="a"), tool_call("effects.bump", "call_2", name="b")]
    engine.submit_and_advance({"text": 'ä"\\' * 40}, **options)
    engine.submit_and_advance({"calls": calls, "reasoning": "Hm."}, {"reasoning": "So.", "text": "Done."}, **options)
    engine.submit_and_advance({"error": {"status": 401}, "times": None}, **options)
    cancelled = engine.submit({"reasoning": "Oh.", "calls": [tool_call("effects.ask", "call_3", name="c")]}, **options)
    engine.advance(cancelled)
    termination.cancel(engine.user_id, cancelled)
    engine.submit_and_advance({"calls": [tool_call("effects.big", size=300)]}, {"text": "Well."}, **options)
    return conversation_id, engine.submit(**options)


@pytest.mark.limit("history")
def test_the_newest_turns_within_the_budget_are_read_and_none_is_cut(engine: EngineHarness) -> None:
    _, prompt_id = make_conversation(engine)
    whole = read_history(prompt_id, 10**6)
    assert not whole.is_shortened
    # Outputs for calls that did not run are not stored, and not counted.
    stored = [(row, size) for row, size in zip(whole.items, sizes(whole), strict=True) if row.seq]
    own_size = len(json.dumps(whole.items[-1].item))
    total = sum(size for _, size in stored)
    lengths = set[int]()
    for max_bytes in [0, *range(own_size - 2, total + 2, 7), total - 1, total]:
        history = read_history(prompt_id, max_bytes)
        count = len(history.items)
        lengths.add(count)
        assert [row.item for row in history.items] == [row.item for row in whole.items[-count:]]
        assert history.is_shortened == (count < len(whole.items))
        kept = sum(size for (row, size) in stored if row in history.items)
        assert kept <= max(max_bytes, own_size)
        if count < len(whole.items):
            first, left_out = history.items[0], whole.items[-count - 1]
            assert (first.prompt_id, first.turn) != (left_out.prompt_id, left_out.turn), "a turn is whole"
            turn = [size for row, size in stored if (row.prompt_id, row.turn) == (left_out.prompt_id, left_out.turn)]
            assert kept + sum(turn) > max_bytes, "there is no room for another"
        items = [row.item for row in history.items]
        called = {item["call_id"] for item in items if item["type"] == "function_call"}
        assert called == {item["call_id"] for item in items if item["type"] == "function_call_output"}
    assert len(lengths) == len({(row.prompt_id, row.turn) for row, _ in stored})


@pytest.mark.limit("history")
def test_the_model_reads_that_earlier_turns_are_left_out(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation_id = engine.create_conversation()
    for text in ("One.", "Two.", "Three."):
        engine.submit_and_advance({"text": text * 300}, conversation_id=conversation_id)
    engine.submit_and_advance({"text": "Four."}, conversation_id=conversation_id)
    assert sent_types(engine) == ["user", "assistant"] * 3 + ["user"]
    monkeypatch.setenv("PROMPT_HISTORY_MAX_BYTES", "3000")
    fifth = engine.submit_and_advance({"text": "Five."}, conversation_id=conversation_id)
    assert sent_types(engine) == ["note", "user", "assistant", "user", "assistant", "user"]
    assert engine.last_event(fifth)[0] == "prompt.completed"


@pytest.mark.limit("history")
def test_a_prompts_own_items_are_sent_whatever_the_budget_is(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation_id = engine.create_conversation()
    engine.submit_and_advance({"text": "One."}, conversation_id=conversation_id)
    monkeypatch.setenv("PROMPT_HISTORY_MAX_BYTES", "1")
    engine.submit_and_advance(
        {"reasoning": "Hm.", "calls": [tool_call("effects.big", size=9000)]}, {"text": "Two."},
        conversation_id=conversation_id,
    )  # fmt: skip
    assert sent_types(engine) == ["note", "user", "reasoning", "function_call", "function_call_output"]


def test_calls_of_a_shortened_history_get_ids_that_none_before_them_has(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the history would have two calls of one id when there is room for both of them again."""
    conversation_id = engine.create_conversation()
    turns = [{"calls": [tool_call("effects.bump", name="a")]}, {"text": "Done."}]
    engine.submit_and_advance(*turns, conversation_id=conversation_id)
    monkeypatch.setenv("PROMPT_HISTORY_MAX_BYTES", "1")
    engine.submit_and_advance(*turns, conversation_id=conversation_id)
    monkeypatch.delenv("PROMPT_HISTORY_MAX_BYTES")
    third = engine.submit_and_advance(*turns, conversation_id=conversation_id)
    items = [row.item for row in read_history(third, 10**6).items]
    called = [item["call_id"] for item in items if item["type"] == "function_call"]
    assert len(called) == len(set(called)) == 3
    assert engine.last_event(third)[0] == "prompt.completed"


def test_what_was_refused_takes_no_room(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    first = engine.submit_and_advance({"text": "x" * 5000}, conversation_id=conversation_id)
    second = engine.submit_and_advance({"text": "y" * 5000}, conversation_id=conversation_id)
    third = engine.submit(conversation_id=conversation_id)
    engine.db.execute("UPDATE prompt_items SET refusal = 'always' WHERE prompt_id = %s", (second,))
    history = read_history(third, 6000)
    assert [row.prompt_id for row in history.items] == [first, first, third]
    assert history.is_shortened


def test_an_output_whose_call_was_refused_is_not_sent(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    turns: list[dict[str, Any]] = [{"calls": [tool_call("effects.bump", name="a")]}, {"text": "Done."}]
    first = engine.submit_and_advance(*turns, conversation_id=conversation_id)
    engine.db.execute(
        "UPDATE prompt_items SET refusal = 'always' WHERE prompt_id = %s AND item->>'type' = 'function_call'", (first,)
    )
    second = engine.submit_and_advance({"text": "Again."}, conversation_id=conversation_id)
    assert sent_types(engine) == ["user", "assistant", "user"]
    assert engine.last_event(second)[0] == "prompt.completed"


@pytest.mark.limit("history-prompts")
def test_no_more_than_the_newest_prompts_are_looked_at(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    first = engine.submit_and_advance({"text": "."}, conversation_id=conversation_id)
    insert_prompts(engine, first, MAX_HISTORY_PROMPTS - 1, "x")
    prompt_id = engine.submit(conversation_id=conversation_id)
    history = read_history(prompt_id, 10**6)
    assert len({row.prompt_id for row in history.items}) == MAX_HISTORY_PROMPTS + 1
    assert not history.is_shortened
    insert_prompts(engine, first, 1, "x")
    history = read_history(prompt_id, 10**6)
    assert len({row.prompt_id for row in history.items}) == MAX_HISTORY_PROMPTS + 1
    assert first not in {row.prompt_id for row in history.items}
    assert history.is_shortened


def insert_prompts(engine: EngineHarness, like: str, count: int, text: str, *, later: float = 0) -> None:
    """Insert ended prompts of the same conversation, each with one item of this text, so many seconds after `like`."""
    prefix = unique_id("")[-12:].rjust(12, "0")
    engine.db.execute(
        "INSERT INTO prompts (id, user_id, conversation_id, input, status, created_at, updated_at, deadline)"
        " SELECT %(prefix)s || n, user_id, conversation_id, input, 'completed',"
        "  created_at + make_interval(secs => n * 1e-6 + %(later)s), updated_at, deadline"
        " FROM prompts, generate_series(1, %(count)s) n WHERE id = %(like)s",
        {"prefix": prefix, "like": like, "count": count, "later": later},
    )
    engine.db.execute(
        "INSERT INTO prompt_items (prompt_id, seq, turn, item)"
        " SELECT id, 1, 0, json_build_object('type', 'message', 'role', 'user', 'content', %s::text)"
        " FROM prompts WHERE id LIKE %s",
        (text, f"{prefix}%"),
    )


LOAD = """
import sys
from pointsman.agent.loop.history import load_history
from pointsman.db import connection, prompt_runs

def read(db):
    return load_history(db, prompt_runs.get(db, sys.stdin.read()), 300_000)

assert len(connection.run_in_transaction(read).items) == 2
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak) // 1024)
"""


@pytest.mark.limit("history")
def test_a_long_history_is_not_read_whole(engine: EngineHarness) -> None:
    """66 prompts of 1.5 MB; a function has 512 MB."""
    conversation_id = engine.create_conversation()
    first = engine.submit_and_advance({"text": "."}, conversation_id=conversation_id)
    insert_prompts(engine, first, 66, "x" * 1_500_000)
    insert_prompts(engine, first, 1, "y", later=1)
    prompt_id = engine.submit(conversation_id=conversation_id)
    engine.db.execute("UPDATE prompts SET created_at = created_at + interval '2 seconds' WHERE id = %s", (prompt_id,))
    assert int(run_python(LOAD, prompt_id, **engine.environment)) < 100


@pytest.mark.limit("history")
def test_a_budget_above_what_a_function_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_HISTORY_MAX_BYTES", "4000000")
    assert PromptSettings.load().max_history_bytes == 4_000_000
    monkeypatch.setenv("PROMPT_HISTORY_MAX_BYTES", "4000001")
    with pytest.raises(InvalidSetting, match="at most 4000000"):
        PromptSettings.load()

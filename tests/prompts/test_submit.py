"""Submitting a prompt, idempotently, and the notifications of a model turn."""

import json

import psycopg
import pytest

from pointsman.errors import IdempotencyKeyReused
from pointsman.workflows.step_functions import StepFunctionsError
from tests.prompts.engine_harness import EngineHarness, submit_prompt


def test_same_request_with_a_key_is_the_same_prompt(engine: EngineHarness) -> None:
    first = submit_prompt(engine.user_id, "Hello", idempotency_key="key-1")
    assert submit_prompt(engine.user_id, "Hello", idempotency_key="key-1") == first
    assert submit_prompt("somebody-else", "Hello", idempotency_key="key-1") != first
    assert submit_prompt(engine.user_id, "Hello") != first
    for changed in ({"text": "Hallo"}, {"model": "high"}, {"tokens": True}):
        with pytest.raises(IdempotencyKeyReused):
            submit_prompt(**{"user_id": engine.user_id, "text": "Hello", "idempotency_key": "key-1", **changed})
    rows = engine.db.execute("SELECT count(*) AS n FROM prompts WHERE user_id = %s", (engine.user_id,)).fetchone()
    assert rows == {"n": 2}


def test_key_of_a_running_prompt_joins_it(engine: EngineHarness) -> None:
    conversation_id = engine.create_conversation()
    first = submit_prompt(engine.user_id, "Hello", idempotency_key="key-1", conversation_id=conversation_id)
    assert submit_prompt(engine.user_id, "Hello", idempotency_key="key-1", conversation_id=conversation_id) == first


def test_prompt_that_cannot_be_started_fails_and_frees_its_key(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation_id = engine.create_conversation()
    monkeypatch.setenv("PROMPT_STATE_MACHINE_ARN", "arn:aws:states:us-east-1:123456789012:stateMachine:Nowhere")
    with pytest.raises(StepFunctionsError):
        submit_prompt(engine.user_id, "Hello", idempotency_key="key-1", conversation_id=conversation_id)
    rows = engine.db.execute("SELECT id, status FROM prompts WHERE user_id = %s", (engine.user_id,)).fetchall()
    assert [row["status"] for row in rows] == ["failed"]
    assert engine.last_event(rows[0]["id"]) == ("error", {"message": "The prompt could not be started"})
    monkeypatch.setenv("PROMPT_STATE_MACHINE_ARN", engine.environment["PROMPT_STATE_MACHINE_ARN"])
    second = submit_prompt(engine.user_id, "Hello", idempotency_key="key-1", conversation_id=conversation_id)
    assert second != rows[0]["id"]


def listen_while_advancing(engine: EngineHarness, prompt_id: str) -> list[dict]:
    """Advance the prompt; returns the notifications on its channel, without `after`, the last event's number."""
    with psycopg.connect(engine.stack.database_url, autocommit=True) as listener:
        listener.execute(f'LISTEN "{prompt_id}"')
        engine.advance(prompt_id)
        notes = [json.loads(note.payload) for note in listener.notifies(timeout=0.2)]
    assert all(note.pop("after") == 1 for note in notes if "seq" not in note)
    return notes


def test_text_deltas_are_notified_with_tokens(engine: EngineHarness) -> None:
    text = "Hello, " + "😀" * 700
    notes = listen_while_advancing(engine, engine.submit({"text": text}, tokens=True))
    assert notes[0] == {"reset": True}
    pieces = [note["text"] for note in notes if "text" in note]
    assert ("".join(pieces), len(pieces) > 1) == (text, True)
    assert [note for note in notes if "seq" in note] == [{"seq": 2}, {"seq": 3}]
    assert notes.index({"seq": 2}) > notes.index({"text": pieces[-1]})
    assert engine.model_requests()[-1]["stream"] is True


def test_without_tokens_only_events_are_notified(engine: EngineHarness) -> None:
    assert listen_while_advancing(engine, engine.submit({"text": "Hello."})) == [{"seq": 2}, {"seq": 3}]
    assert "stream" not in engine.model_requests()[-1]


def test_interrupted_turn_notifies_a_reset(engine: EngineHarness) -> None:
    notes = listen_while_advancing(engine, engine.submit({"text": "Hello to you.", "breaks": "dropped"}, tokens=True))
    resets = [index for index, note in enumerate(notes) if note == {"reset": True}]
    assert len(resets) >= 2
    assert "".join(note.get("text", "") for note in notes[resets[-1] :]) == "Hello to you."

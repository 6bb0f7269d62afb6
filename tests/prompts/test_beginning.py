"""Beginning a prompt, once; what those who follow it hear while the model speaks."""

import json

import psycopg
import pytest

from pointsman.aws import StartFailed
from pointsman.errors import KeyReused
from pointsman.prompts import beginning
from tests.prompts.bench import Bench


def test_same_request_with_a_key_is_the_same_prompt(bench: Bench) -> None:
    first = beginning.begin(bench.user, "Hello", key="key-1")
    assert beginning.begin(bench.user, "Hello", key="key-1") == first
    assert beginning.begin("somebody-else", "Hello", key="key-1") != first
    assert beginning.begin(bench.user, "Hello") != first
    for changed in ({"text": "Hallo"}, {"model": "high"}, {"tokens": True}):
        with pytest.raises(KeyReused):
            beginning.begin(**{"user_id": bench.user, "text": "Hello", "key": "key-1", **changed})
    rows = bench.db.execute("SELECT count(*) AS n FROM prompts WHERE user_id = %s", (bench.user,)).fetchone()
    assert rows == {"n": 2}


def test_key_of_a_conversations_prompt_joins_it_although_it_runs(bench: Bench) -> None:
    conversation_id = bench.conversation()
    first = beginning.begin(bench.user, "Hello", key="key-1", conversation_id=conversation_id)
    assert beginning.begin(bench.user, "Hello", key="key-1", conversation_id=conversation_id) == first


def test_prompt_that_cannot_be_started_fails_and_its_key_is_free(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation_id = bench.conversation()
    monkeypatch.setenv("PROMPT_STATE_MACHINE_ARN", "arn:aws:states:us-east-1:123456789012:stateMachine:Nowhere")
    with pytest.raises(StartFailed):
        beginning.begin(bench.user, "Hello", key="key-1", conversation_id=conversation_id)
    rows = bench.db.execute("SELECT id, status FROM prompts WHERE user_id = %s", (bench.user,)).fetchall()
    assert [row["status"] for row in rows] == ["failed"]
    assert bench.last(rows[0]["id"]) == ("error", {"message": "The prompt could not be started"})
    monkeypatch.setenv("PROMPT_STATE_MACHINE_ARN", bench.environment["PROMPT_STATE_MACHINE_ARN"])
    again = beginning.begin(bench.user, "Hello", key="key-1", conversation_id=conversation_id)
    assert again != rows[0]["id"]


def heard(bench: Bench, prompt_id: str) -> list[dict]:
    """Advance the prompt; what comes on its channel meanwhile, without the number of the last event before it."""
    with psycopg.connect(bench.stack.database_url, autocommit=True) as listener:
        listener.execute(f'LISTEN "{prompt_id}"')
        bench.advance(prompt_id)
        notes = [json.loads(note.payload) for note in listener.notifies(timeout=0.2)]
    assert all(note.pop("after") == 1 for note in notes if "seq" not in note)
    return notes


def test_text_is_handed_out_while_it_comes_where_it_is_wanted(bench: Bench) -> None:
    text = "Hello, " + "😀" * 700
    notes = heard(bench, bench.begin({"text": text}, tokens=True))
    assert notes[0] == {"reset": True}
    pieces = [note["text"] for note in notes if "text" in note]
    assert ("".join(pieces), len(pieces) > 1) == (text, True)
    assert [note for note in notes if "seq" in note] == [{"seq": 2}, {"seq": 3}]
    assert notes.index({"seq": 2}) > notes.index({"text": pieces[-1]})
    assert bench.asked()[-1]["stream"] is True


def test_without_the_wish_only_events_are_told(bench: Bench) -> None:
    assert heard(bench, bench.begin({"text": "Hello."})) == [{"seq": 2}, {"seq": 3}]
    assert "stream" not in bench.asked()[-1]


def test_answer_that_breaks_off_is_forgotten_by_those_who_follow(bench: Bench) -> None:
    notes = heard(bench, bench.begin({"text": "Hello to you.", "breaks": "dropped"}, tokens=True))
    resets = [index for index, note in enumerate(notes) if note == {"reset": True}]
    assert len(resets) >= 2
    assert "".join(note.get("text", "") for note in notes[resets[-1] :]) == "Hello to you."

"""Conversations: what they show, in which order, and that nobody reaches another's."""

import uuid
from typing import Any

import pytest

from pointsman.errors import ToolFailed
from tests.agent.conftest import Call
from tests.workflow.helpers import Database


@pytest.fixture
def user() -> str:
    """Somebody without conversations."""
    return f"user-{uuid.uuid4().hex}"


def add_prompt(db: Database, user_id: str, conversation_id: str, text: str, minute: int = 0) -> str:
    prompt_id = f"prompt-{uuid.uuid4().hex}"
    db.execute(
        "INSERT INTO prompts (id, user_id, conversation_id, input, status, created_at)"
        " VALUES (%s, %s, %s, %s, 'completed', '2026-02-03T04:00:00Z'::timestamptz + make_interval(mins => %s))",
        (prompt_id, user_id, conversation_id, text, minute),
    )
    return prompt_id


def ids(listing: dict[str, Any]) -> list[str]:
    return [one["id"] for one in listing["conversations"]]


def test_a_new_conversation_is_listed_without_a_title_and_has_no_prompts(call: Call, user: str) -> None:
    conversation_id = call(user, "conversation.create")["id"]
    assert conversation_id.startswith("conv-")
    (listed,) = call(user, "conversation.list")["conversations"]
    assert set(listed) == {"id", "createdAt", "updatedAt"}
    assert call(user, "conversation.get", conversationId=conversation_id) == {**listed, "prompts": []}
    assert listed["createdAt"] == listed["updatedAt"]
    assert listed["createdAt"].endswith("Z")


def test_a_title_is_told_where_there_is_one(call: Call, user: str, db: Database) -> None:
    conversation_id = call(user, "conversation.create")["id"]
    db.execute("UPDATE conversations SET title = 'Hello' WHERE id = %s", (conversation_id,))
    assert call(user, "conversation.list")["conversations"][0]["title"] == "Hello"


def test_the_newest_update_comes_first_page_by_page(call: Call, user: str, db: Database) -> None:
    made = [call(user, "conversation.create")["id"] for _ in range(3)]
    assert ids(call(user, "conversation.list")) == made[::-1]
    db.execute("UPDATE conversations SET updated_at = now() WHERE id = %s", (made[0],))
    order = [made[0], made[2], made[1]]
    assert ids(call(user, "conversation.list")) == order
    assert ids(call(user, "conversation.list", limit=2)) == order[:2]
    assert ids(call(user, "conversation.list", limit=2, offset=2)) == order[2:]
    assert ids(call(user, "conversation.list", offset=3)) == []


def test_twenty_are_listed_unless_told_otherwise(call: Call, user: str, db: Database) -> None:
    db.execute(
        "INSERT INTO conversations (id, user_id) SELECT 'conv-' || md5(%s || n), %s FROM generate_series(1, 21) AS n",
        (user, user),
    )
    assert len(ids(call(user, "conversation.list"))) == 20
    assert len(ids(call(user, "conversation.list", limit=100))) == 21


def test_prompts_are_the_oldest_first(call: Call, user: str, db: Database) -> None:
    conversation_id = call(user, "conversation.create")["id"]
    later = add_prompt(db, user, conversation_id, "and then?", 5)
    first = add_prompt(db, user, conversation_id, "hello")
    prompts = call(user, "conversation.get", conversationId=conversation_id)["prompts"]
    assert [(one["id"], one["input"], one["status"]) for one in prompts] == [
        (first, "hello", "completed"),
        (later, "and then?", "completed"),
    ]
    assert prompts[1]["createdAt"] == "2026-02-03T04:05:00.000Z"
    assert set(prompts[0]) == {"id", "input", "status", "createdAt", "updatedAt"}


def test_deleting_forgets_the_conversation_and_keeps_its_prompts(call: Call, user: str, db: Database) -> None:
    conversation_id = call(user, "conversation.create")["id"]
    prompt_id = add_prompt(db, user, conversation_id, "hello")
    assert call(user, "conversation.delete", conversationId=conversation_id) == {"deleted": True}
    assert call(user, "conversation.delete", conversationId=conversation_id) == {"deleted": False}
    assert ids(call(user, "conversation.list")) == []
    row = db.execute("SELECT user_id, conversation_id FROM prompts WHERE id = %s", (prompt_id,)).fetchone()
    assert row == {"user_id": user, "conversation_id": None}


@pytest.mark.parametrize("wanted", ["conv-" + "0" * 32, "conv-", "x", "a\0b", "conv-' OR '1'='1", "é" * 128])
def test_what_is_no_conversation_is_not_found_and_not_deleted(call: Call, user: str, wanted: str) -> None:
    with pytest.raises(ToolFailed, match="not found") as failed:
        call(user, "conversation.get", conversationId=wanted)
    assert failed.value.details == {"code": "NOT_FOUND"}
    assert call(user, "conversation.delete", conversationId=wanted) == {"deleted": False}


def test_nobody_sees_lists_gets_or_deletes_anothers(call: Call, user: str, db: Database) -> None:
    other = f"{user}-other"
    theirs = call(other, "conversation.create")["id"]
    add_prompt(db, other, theirs, "theirs")
    assert ids(call(user, "conversation.list")) == []
    with pytest.raises(ToolFailed, match=f"Conversation {theirs} not found"):
        call(user, "conversation.get", conversationId=theirs)
    assert call(user, "conversation.delete", conversationId=theirs) == {"deleted": False}
    assert ids(call(other, "conversation.list")) == [theirs]
    assert len(call(other, "conversation.get", conversationId=theirs)["prompts"]) == 1


def test_a_prompt_of_somebody_else_never_shows_in_ones_own_conversation(call: Call, user: str, db: Database) -> None:
    mine = call(user, "conversation.create")["id"]
    add_prompt(db, f"{user}-other", mine, "theirs")
    assert call(user, "conversation.get", conversationId=mine)["prompts"] == []


@pytest.mark.parametrize("stranger", ["USER-1 ", "%", "user-1%", "user_1", "' OR 1=1 --"])
def test_a_users_id_is_taken_literally(call: Call, user: str, stranger: str) -> None:
    theirs = call(user, "conversation.create")["id"]
    assert theirs not in ids(call(stranger, "conversation.list", limit=100))
    assert call(stranger, "conversation.delete", conversationId=theirs) == {"deleted": False}


def test_a_database_that_cannot_be_reached_tells_nothing_of_its_address(
    call: Call, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", "postgresql://u:planted-secret@127.0.0.1:1/db")
    with pytest.raises(ToolFailed) as failed:
        call(user, "conversation.list")
    assert failed.value.details == {"code": "DATABASE_UNAVAILABLE"}
    assert "planted" not in failed.value.message

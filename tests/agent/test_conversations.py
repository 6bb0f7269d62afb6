"""The conversation tools: contents, order, and isolation between users."""

import uuid
from typing import Any

import pytest

from pointsman.errors import ToolFailed
from tests.agent.conftest import CallTool
from tests.harness.database import Database, insert_completed_prompt


@pytest.fixture
def user() -> str:
    """A user without conversations."""
    return f"user-{uuid.uuid4().hex}"


def list_conversation_ids(listing: dict[str, Any]) -> list[str]:
    return [conversation["id"] for conversation in listing["conversations"]]


def test_a_new_conversation_is_listed_without_a_title_and_has_no_prompts(call_tool: CallTool, user: str) -> None:
    conversation_id = call_tool(user, "conversation.create")["id"]
    assert conversation_id.startswith("conv-")
    (listed,) = call_tool(user, "conversation.list")["conversations"]
    assert set(listed) == {"id", "createdAt", "updatedAt"}
    assert call_tool(user, "conversation.get", conversationId=conversation_id) == {**listed, "prompts": []}
    assert listed["createdAt"] == listed["updatedAt"]
    assert listed["createdAt"].endswith("Z")


def test_a_title_is_listed_where_there_is_one(call_tool: CallTool, user: str, db: Database) -> None:
    conversation_id = call_tool(user, "conversation.create")["id"]
    db.execute("UPDATE conversations SET title = 'Hello' WHERE id = %s", (conversation_id,))
    assert call_tool(user, "conversation.list")["conversations"][0]["title"] == "Hello"


def test_the_newest_update_comes_first_page_by_page(call_tool: CallTool, user: str, db: Database) -> None:
    created = [call_tool(user, "conversation.create")["id"] for _ in range(3)]
    assert list_conversation_ids(call_tool(user, "conversation.list")) == created[::-1]
    db.execute("UPDATE conversations SET updated_at = now() WHERE id = %s", (created[0],))
    order = [created[0], created[2], created[1]]
    assert list_conversation_ids(call_tool(user, "conversation.list")) == order
    assert list_conversation_ids(call_tool(user, "conversation.list", limit=2)) == order[:2]
    assert list_conversation_ids(call_tool(user, "conversation.list", limit=2, offset=2)) == order[2:]
    assert list_conversation_ids(call_tool(user, "conversation.list", offset=3)) == []


def test_twenty_are_listed_by_default(call_tool: CallTool, user: str, db: Database) -> None:
    db.execute(
        "INSERT INTO conversations (id, user_id) SELECT 'conv-' || md5(%s || n), %s FROM generate_series(1, 21) AS n",
        (user, user),
    )
    assert len(list_conversation_ids(call_tool(user, "conversation.list"))) == 20
    assert len(list_conversation_ids(call_tool(user, "conversation.list", limit=100))) == 21


def test_prompts_are_the_oldest_first(call_tool: CallTool, user: str, db: Database) -> None:
    conversation_id = call_tool(user, "conversation.create")["id"]
    later = insert_completed_prompt(db, user, conversation_id, "and then?", 5)
    first = insert_completed_prompt(db, user, conversation_id, "hello")
    prompts = call_tool(user, "conversation.get", conversationId=conversation_id)["prompts"]
    assert [(prompt["id"], prompt["input"], prompt["status"]) for prompt in prompts] == [
        (first, "hello", "completed"),
        (later, "and then?", "completed"),
    ]
    assert prompts[1]["createdAt"] == "2026-02-03T04:05:00.000Z"
    assert set(prompts[0]) == {"id", "input", "status", "createdAt", "updatedAt"}


def test_deleting_a_conversation_keeps_its_prompts(call_tool: CallTool, user: str, db: Database) -> None:
    conversation_id = call_tool(user, "conversation.create")["id"]
    prompt_id = insert_completed_prompt(db, user, conversation_id, "hello")
    assert call_tool(user, "conversation.delete", conversationId=conversation_id) == {"deleted": True}
    assert call_tool(user, "conversation.delete", conversationId=conversation_id) == {"deleted": False}
    assert list_conversation_ids(call_tool(user, "conversation.list")) == []
    row = db.execute("SELECT user_id, conversation_id FROM prompts WHERE id = %s", (prompt_id,)).fetchone()
    assert row == {"user_id": user, "conversation_id": None}


@pytest.mark.parametrize("conversation_id", ["conv-" + "0" * 32, "conv-", "x", "a\0b", "conv-' OR '1'='1", "é" * 128])
def test_an_unknown_conversation_is_not_found_and_not_deleted(
    call_tool: CallTool, user: str, conversation_id: str
) -> None:
    with pytest.raises(ToolFailed, match="not found") as failed:
        call_tool(user, "conversation.get", conversationId=conversation_id)
    assert failed.value.details == {"code": "NOT_FOUND"}
    assert call_tool(user, "conversation.delete", conversationId=conversation_id) == {"deleted": False}


def test_conversations_of_another_user_are_neither_listed_read_nor_deleted(
    call_tool: CallTool, user: str, db: Database
) -> None:
    other = f"{user}-other"
    other_id = call_tool(other, "conversation.create")["id"]
    insert_completed_prompt(db, other, other_id, "theirs")
    assert list_conversation_ids(call_tool(user, "conversation.list")) == []
    with pytest.raises(ToolFailed, match=f"Conversation {other_id} not found"):
        call_tool(user, "conversation.get", conversationId=other_id)
    assert call_tool(user, "conversation.delete", conversationId=other_id) == {"deleted": False}
    assert list_conversation_ids(call_tool(other, "conversation.list")) == [other_id]
    assert len(call_tool(other, "conversation.get", conversationId=other_id)["prompts"]) == 1


def test_a_prompt_of_another_user_is_never_in_ones_conversation(call_tool: CallTool, user: str, db: Database) -> None:
    own_id = call_tool(user, "conversation.create")["id"]
    insert_completed_prompt(db, f"{user}-other", own_id, "theirs")
    assert call_tool(user, "conversation.get", conversationId=own_id)["prompts"] == []


@pytest.mark.parametrize("stranger", ["USER-1 ", "%", "user-1%", "user_1", "' OR 1=1 --"])
def test_a_users_id_is_taken_literally(call_tool: CallTool, user: str, stranger: str) -> None:
    other_id = call_tool(user, "conversation.create")["id"]
    assert other_id not in list_conversation_ids(call_tool(stranger, "conversation.list", limit=100))
    assert call_tool(stranger, "conversation.delete", conversationId=other_id) == {"deleted": False}


def test_an_unreachable_databases_address_is_not_in_the_error(
    call_tool: CallTool, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", "postgresql://u:planted-secret@127.0.0.1:1/db")
    with pytest.raises(ToolFailed) as failed:
        call_tool(user, "conversation.list")
    assert failed.value.details == {"code": "DATABASE_UNAVAILABLE"}
    assert "planted" not in failed.value.message

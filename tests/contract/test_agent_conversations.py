"""The conversation tools over HTTP, and isolation between users."""

import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.database import Database, insert_completed_prompt


def create_conversation(agent: httpx.Client) -> str:
    created = get_result(invoke_tool(agent, "conversation.create"))
    assert list(created) == ["id"]
    return created["id"]


def list_conversation_ids(agent: httpx.Client, **page: int) -> list[str]:
    listed = get_result(invoke_tool(agent, "conversation.list", page))
    assert list(listed) == ["conversations"]
    return [conversation["id"] for conversation in listed["conversations"]]


def parse_timestamp(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def test_a_conversation_is_created_listed_read_and_deleted(agent: httpx.Client) -> None:
    assert list_conversation_ids(agent) == []
    created = create_conversation(agent)
    (listed,) = get_result(invoke_tool(agent, "conversation.list"))["conversations"]
    assert {*listed} == {"id", "createdAt", "updatedAt"}
    assert (listed["id"], parse_timestamp(listed["createdAt"])) == (created, parse_timestamp(listed["updatedAt"]))
    conversation = get_result(invoke_tool(agent, "conversation.get", {"conversationId": created}))
    assert conversation == {**listed, "prompts": []}
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": created})) == {"deleted": True}
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": created})) == {"deleted": False}
    assert list_conversation_ids(agent) == []
    expect_error(invoke_tool(agent, "conversation.get", {"conversationId": created}), 500, "TOOL_ERROR")


def test_the_newest_update_is_first_and_pages_follow_each_other(agent: httpx.Client, db: Database) -> None:
    created = [create_conversation(agent) for _ in range(4)]
    db.execute("UPDATE conversations SET updated_at = now() + interval '1 minute' WHERE id = %s", (created[1],))
    order = [created[1], created[3], created[2], created[0]]
    assert list_conversation_ids(agent) == order
    assert list_conversation_ids(agent, limit=2) == order[:2]
    assert list_conversation_ids(agent, limit=2, offset=2) == order[2:]
    assert list_conversation_ids(agent, offset=4) == []


def test_twenty_are_listed_by_default(agent: httpx.Client, db: Database) -> None:
    for number in range(21):
        db.execute(
            "INSERT INTO conversations (id, user_id) VALUES (%s, %s)",
            (f"conv-{uuid.uuid4().hex}{number}", agent.headers["X-User-Id"]),
        )
    assert len(list_conversation_ids(agent)) == 20
    assert len(list_conversation_ids(agent, limit=100)) == 21


@pytest.mark.parametrize("page", [{"limit": 0}, {"limit": 101}, {"limit": 1.5}, {"limit": True}, {"offset": -1}])
def test_invalid_pages_are_422(agent: httpx.Client, page: dict[str, Any]) -> None:
    expect_error(invoke_tool(agent, "conversation.list", page), 422, "VALIDATION_ERROR")


def test_prompts_are_listed_oldest_first_and_outlive_their_conversation(agent: httpx.Client, db: Database) -> None:
    created = create_conversation(agent)
    user_id = agent.headers["X-User-Id"]
    prompt_ids = [
        insert_completed_prompt(db, user_id, created, text, minute) for minute, text in enumerate(("first", "second"))
    ]
    conversation = get_result(invoke_tool(agent, "conversation.get", {"conversationId": created}))
    assert [(prompt["id"], prompt["input"]) for prompt in conversation["prompts"]] == list(
        zip(prompt_ids, ("first", "second"), strict=True)
    )
    assert {*conversation["prompts"][0]} == {"id", "input", "status", "createdAt", "updatedAt"}
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": created})) == {"deleted": True}
    rows = db.execute("SELECT input FROM prompts WHERE id = ANY(%s) ORDER BY created_at", (prompt_ids,)).fetchall()
    assert [row["input"] for row in rows] == ["first", "second"]


def test_another_users_conversation_looks_like_an_unknown_one(
    agent: httpx.Client, other_agent: httpx.Client, db: Database
) -> None:
    own_id = create_conversation(agent)
    insert_completed_prompt(db, agent.headers["X-User-Id"], own_id, "planted-secret")
    assert list_conversation_ids(other_agent) == []
    other_id = create_conversation(other_agent)
    response = invoke_tool(other_agent, "conversation.get", {"conversationId": own_id})
    unknown = invoke_tool(other_agent, "conversation.get", {"conversationId": "conv-nobodys"})
    assert response.status_code == unknown.status_code == 500
    assert response.json()["error"]["message"] == unknown.json()["error"]["message"].replace("conv-nobodys", own_id)
    assert "planted-secret" not in response.text
    assert get_result(invoke_tool(other_agent, "conversation.delete", {"conversationId": own_id})) == {"deleted": False}
    assert (list_conversation_ids(agent), list_conversation_ids(other_agent)) == ([own_id], [other_id])
    assert len(get_result(invoke_tool(agent, "conversation.get", {"conversationId": own_id}))["prompts"]) == 1


def test_only_the_header_identifies_the_user(agent: httpx.Client, other_agent: httpx.Client) -> None:
    create_conversation(agent)
    user_id = agent.headers["X-User-Id"]
    for name in ("user_id", "userId", "user"):
        expect_error(invoke_tool(other_agent, "conversation.list", {name: user_id}), 422, "VALIDATION_ERROR")
        response = other_agent.post(
            "/tools/conversation.list/invoke", params={name: user_id, "x-user-id": user_id}, json={}
        )
        assert get_result(response) == {"conversations": []}


@pytest.mark.parametrize("conversation_id", ["' OR 1=1 --", "%", "_", "conv-", "*", "\\", "🙂"])
def test_ids_are_compared_literally(agent: httpx.Client, conversation_id: str) -> None:
    created = create_conversation(agent)
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": conversation_id})) == {
        "deleted": False
    }
    assert list_conversation_ids(agent) == [created]

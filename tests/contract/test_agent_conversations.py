"""The conversation tools over HTTP, and that no user ever comes to another's."""

import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.database import Database


def create_conversation(agent: httpx.Client) -> str:
    made = get_result(invoke_tool(agent, "conversation.create"))
    assert list(made) == ["id"]
    return made["id"]


def list_conversation_ids(agent: httpx.Client, **page: int) -> list[str]:
    listed = get_result(invoke_tool(agent, "conversation.list", page))
    assert list(listed) == ["conversations"]
    return [one["id"] for one in listed["conversations"]]


def insert_prompt(db: Database, agent: httpx.Client, conversation_id: str, text: str) -> str:
    """As the prompt endpoint stores it, with its end."""
    prompt_id = f"prompt-{uuid.uuid4()}"
    db.execute(
        "INSERT INTO prompts (id, user_id, conversation_id, input, status) VALUES (%s, %s, %s, %s, 'completed')",
        (prompt_id, agent.headers["X-User-Id"], conversation_id, text),
    )
    return prompt_id


def parse_timestamp(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def test_a_conversation_is_created_listed_read_and_deleted(agent: httpx.Client) -> None:
    assert list_conversation_ids(agent) == []
    made = create_conversation(agent)
    (listed,) = get_result(invoke_tool(agent, "conversation.list"))["conversations"]
    assert {*listed} == {"id", "createdAt", "updatedAt"}
    assert (listed["id"], parse_timestamp(listed["createdAt"])) == (made, parse_timestamp(listed["updatedAt"]))
    got = get_result(invoke_tool(agent, "conversation.get", {"conversationId": made}))
    assert got == {**listed, "prompts": []}
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": made})) == {"deleted": True}
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": made})) == {"deleted": False}
    assert list_conversation_ids(agent) == []
    expect_error(invoke_tool(agent, "conversation.get", {"conversationId": made}), 500, "TOOL_ERROR")


def test_the_newest_update_is_first_and_pages_follow_each_other(agent: httpx.Client, db: Database) -> None:
    made = [create_conversation(agent) for _ in range(4)]
    db.execute("UPDATE conversations SET updated_at = now() + interval '1 minute' WHERE id = %s", (made[1],))
    order = [made[1], made[3], made[2], made[0]]
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
    made = create_conversation(agent)
    asked = [insert_prompt(db, agent, made, text) for text in ("first", "second")]
    got = get_result(invoke_tool(agent, "conversation.get", {"conversationId": made}))
    assert [(one["id"], one["input"]) for one in got["prompts"]] == list(zip(asked, ("first", "second"), strict=True))
    assert {*got["prompts"][0]} == {"id", "input", "status", "createdAt", "updatedAt"}
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": made})) == {"deleted": True}
    left = db.execute("SELECT input FROM prompts WHERE id = ANY(%s) ORDER BY created_at", (asked,)).fetchall()
    assert [row["input"] for row in left] == ["first", "second"]


def test_another_users_conversation_looks_like_an_unknown_one(
    agent: httpx.Client, other_agent: httpx.Client, db: Database
) -> None:
    mine = create_conversation(agent)
    insert_prompt(db, agent, mine, "planted-secret")
    assert list_conversation_ids(other_agent) == []
    theirs = create_conversation(other_agent)
    got = invoke_tool(other_agent, "conversation.get", {"conversationId": mine})
    unknown = invoke_tool(other_agent, "conversation.get", {"conversationId": "conv-nobodys"})
    assert got.status_code == unknown.status_code == 500
    assert got.json()["error"]["message"] == unknown.json()["error"]["message"].replace("conv-nobodys", mine)
    assert "planted-secret" not in got.text
    assert get_result(invoke_tool(other_agent, "conversation.delete", {"conversationId": mine})) == {"deleted": False}
    assert (list_conversation_ids(agent), list_conversation_ids(other_agent)) == ([mine], [theirs])
    assert len(get_result(invoke_tool(agent, "conversation.get", {"conversationId": mine}))["prompts"]) == 1


def test_only_the_header_identifies_the_user(agent: httpx.Client, other_agent: httpx.Client) -> None:
    create_conversation(agent)
    mine = agent.headers["X-User-Id"]
    for name in ("user_id", "userId", "user"):
        expect_error(invoke_tool(other_agent, "conversation.list", {name: mine}), 422, "VALIDATION_ERROR")
        answer = other_agent.post("/tools/conversation.list/invoke", params={name: mine, "x-user-id": mine}, json={})
        assert get_result(answer) == {"conversations": []}


@pytest.mark.parametrize("wanted", ["' OR 1=1 --", "%", "_", "conv-", "*", "\\", "🙂"])
def test_ids_are_compared_literally(agent: httpx.Client, wanted: str) -> None:
    made = create_conversation(agent)
    assert get_result(invoke_tool(agent, "conversation.delete", {"conversationId": wanted})) == {"deleted": False}
    assert list_conversation_ids(agent) == [made]

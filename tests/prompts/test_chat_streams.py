"""The chat protocols over HTTP: who is refused what, and whose thread is whose. tests/clients has the rest."""

import json
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.prompts.chat_threads import RECENT_SECONDS
from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.database import Database
from tests.harness.ids import unique_id
from tests.prompts.prompt_stream import decide_successfully, destroy_turn, text_turn, unique_text, wait_for_status

PATHS = [("POST", "/agui"), ("POST", "/chat"), ("GET", "/chat/thread-1/stream")]


def user_message(text: str, message_id: str | None = None) -> dict[str, Any]:
    message_id = message_id or unique_id("message-")
    return {"id": message_id, "role": "user", "content": text, "parts": [{"type": "text", "text": text}]}


def post(
    client: httpx.Client, path: str, thread_id: str, message: dict[str, Any] | None = None, **fields: Any
) -> httpx.Response:
    """Send one message in either protocol, and read the whole response."""
    body = {"messages": [message or user_message(unique_text())], **fields}
    ids = {"threadId": thread_id, "runId": unique_id("run-")} if path == "/agui" else {"id": thread_id}
    return client.post(path, json={**ids, **body})


def read(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    frames = [line[6:] for line in response.text.split("\n\n") if line.startswith("data: {")]
    return [json.loads(frame) for frame in frames]


def prompt_id_of(response: httpx.Response) -> str:
    first = read(response)[0]
    return (first.get("metadata") or first["messageMetadata"])["promptId"]


def answer(thread_id: str, prompt_id: str, is_approved: bool, reason: str | None = None) -> dict[str, Any]:
    """The body with which the AI SDK answers an approval."""
    approval = {"id": f"{prompt_id}:call_1", "approved": is_approved, "reason": reason}
    part = {"type": "dynamic-tool", "toolCallId": "call_1", "state": "approval-responded", "approval": approval}
    return {"id": thread_id, "messages": [{"id": prompt_id, "role": "assistant", "parts": [part]}]}


@pytest.fixture
def thread_id() -> str:
    return unique_id("thread-")


@pytest.fixture
def waiting_prompt(agent: httpx.Client, simulator: SimulatorClient, thread_id: str) -> str:
    """The prompt of a thread, which waits for an approval of `call_1`."""
    text = unique_text()
    simulator.script_model(destroy_turn(), text_turn("Well."), match=text)
    return prompt_id_of(post(agent, "/chat", thread_id, user_message(text)))


def test_a_stream_says_what_it_is(agent: httpx.Client, thread_id: str) -> None:
    chat, agui = post(agent, "/chat", thread_id), post(agent, "/agui", thread_id)
    for response in (chat, agui):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "no-transform" in response.headers["cache-control"]
        assert response.headers["x-request-id"]
    assert chat.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert chat.text.endswith("data: [DONE]\n\n")
    assert read(agui)[-1]["type"] == "RUN_FINISHED"


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_other_methods_and_paths_are_refused(agent: httpx.Client, method: str, path: str) -> None:
    other = {"POST": "GET", "GET": "DELETE"}[method]
    response = agent.request(other, path)
    expect_error(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == method
    expect_error(agent.request(method, f"{path}/more"), 404, "NOT_FOUND")
    expect_error(agent.request(method, f"{path}?more=1"), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nobody_is_served_without_a_credential(agent: httpx.Client, method: str, path: str) -> None:
    del agent.headers["x-user-id"]
    expect_error(agent.request(method, path, json={}), 401, "AUTH_REQUIRED")


@pytest.mark.parametrize("path", ["/agui", "/chat"])
def test_a_body_that_is_not_valid_is_refused(agent: httpx.Client, path: str, thread_id: str) -> None:
    expect_error(agent.post(path, content=b"{"), 422, "VALIDATION_ERROR")
    expect_error(agent.post(path, content=b"x" * (1024 * 1024 + 1)), 413, "PAYLOAD_TOO_LARGE")
    for text in ("  ", "x" * 100_001, "a\0"):
        error = expect_error(post(agent, path, thread_id, user_message(text)), 422, "VALIDATION_ERROR")
        assert error["details"][0]["path"] == ["messages"]
    listed = get_result(invoke_tool(agent, "conversation.list"))["conversations"]
    assert listed == [], "a refused message creates no conversation"


def test_a_thread_is_one_conversation_in_both_protocols(
    agent: httpx.Client, simulator: SimulatorClient, thread_id: str
) -> None:
    prompts = [prompt_id_of(post(agent, path, thread_id)) for path in ("/chat", "/agui")]
    (conversation,) = get_result(invoke_tool(agent, "conversation.list"))["conversations"]
    got = get_result(invoke_tool(agent, "conversation.get", {"conversationId": conversation["id"]}))
    assert [prompt["id"] for prompt in got["prompts"]] == prompts
    # The conversation's own id is the same thread.
    assert prompt_id_of(post(agent, "/chat", conversation["id"])) not in prompts
    assert len(get_result(invoke_tool(agent, "conversation.list"))["conversations"]) == 1


def test_a_thread_belongs_to_the_user_who_names_it(
    agent: httpx.Client, other_agent: httpx.Client, waiting_prompt: str, thread_id: str
) -> None:
    (conversation,) = get_result(invoke_tool(agent, "conversation.list"))["conversations"]
    assert other_agent.get(f"/chat/{thread_id}/stream").status_code == 204
    expect_error(other_agent.get(f"/chat/{conversation['id']}/stream"), 404, "NOT_FOUND")
    expect_error(post(other_agent, "/agui", conversation["id"]), 404, "NOT_FOUND")
    for thread in (thread_id, unique_id("thread-")):
        expect_error(other_agent.post("/chat", json=answer(thread, waiting_prompt, True)), 404, "PROMPT_NOT_FOUND")
    assert prompt_id_of(post(other_agent, "/chat", thread_id)) != waiting_prompt
    assert agent.get(f"/prompts/{waiting_prompt}").json()["status"] == "waiting"


def test_an_approval_is_answered_in_its_own_thread_only(
    agent: httpx.Client, waiting_prompt: str, thread_id: str
) -> None:
    expect_error(agent.post("/chat", json=answer(unique_id("thread-"), waiting_prompt, True)), 404, "PROMPT_NOT_FOUND")
    other_call = answer(thread_id, waiting_prompt, True)
    other_call["messages"][0]["parts"][0]["approval"]["id"] = f"{waiting_prompt}:call_2"
    expect_error(agent.post("/chat", json=other_call), 404, "PROMPT_NOT_FOUND")
    for approval_id in ("x", f"prompt-{'0' * 32}:call_1", f"{waiting_prompt}:", ":"):
        other_call["messages"][0]["parts"][0]["approval"]["id"] = approval_id
        expect_error(agent.post("/chat", json=other_call), 404, "PROMPT_NOT_FOUND")


def test_the_same_answer_again_changes_nothing_and_another_one_is_refused(
    agent: httpx.Client, waiting_prompt: str, thread_id: str
) -> None:
    first = agent.post("/chat", json=answer(thread_id, waiting_prompt, True))
    again = agent.post("/chat", json=answer(thread_id, waiting_prompt, True))
    assert [frame["type"] for frame in read(first)][-2:] == ["finish-step", "finish"]
    results = [[frame for frame in read(one) if "output" in frame["type"]] for one in (first, again)]
    assert results[0] == results[1] != []
    error = expect_error(agent.post("/chat", json=answer(thread_id, waiting_prompt, False)), 409, "CONFLICT")
    assert "approved already" in error["message"]


def test_an_answer_after_somebody_elses_decision_follows_the_prompt(
    agent: httpx.Client, waiting_prompt: str, thread_id: str
) -> None:
    decide_successfully(agent, waiting_prompt, "reject", reason="No")
    wait_for_status(agent, waiting_prompt, "completed")
    expect_error(agent.post("/chat", json=answer(thread_id, waiting_prompt, True)), 409, "CONFLICT")
    frames = read(agent.post("/chat", json=answer(thread_id, waiting_prompt, False)))
    assert {"type": "tool-output-denied", "toolCallId": "call_1"} in frames


def test_an_approval_that_has_expired_cannot_be_given(
    agent: httpx.Client, waiting_prompt: str, thread_id: str, db: Database
) -> None:
    db.execute("UPDATE prompt_calls SET expires_at = now() WHERE prompt_id = %s", (waiting_prompt,))
    response = agent.post("/chat", json=answer(thread_id, waiting_prompt, True))
    assert response.status_code in (404, 409), response.text
    assert response.json()["error"]["code"] in ("PROMPT_NOT_FOUND", "CONFLICT")


def test_a_thread_whose_prompt_waits_takes_no_message(agent: httpx.Client, waiting_prompt: str, thread_id: str) -> None:
    for path in ("/chat", "/agui"):
        expect_error(post(agent, path, thread_id), 409, "CONVERSATION_BUSY")


def test_an_answer_has_its_sender_in_the_audit_log(
    agent: httpx.Client, waiting_prompt: str, thread_id: str, db: Database
) -> None:
    read(agent.post("/chat", json=answer(thread_id, waiting_prompt, True), headers={"User-Agent": "a chat"}))
    row = db.execute(
        "SELECT actor_kind, actor, address, user_agent, request_id FROM audit_log WHERE target = %s", (waiting_prompt,)
    ).fetchone()
    assert row is not None
    assert (row["actor_kind"], row["actor"], row["user_agent"]) == ("user", agent.headers["x-user-id"], "a chat")
    assert row["address"]
    assert row["request_id"]


@pytest.mark.limit("recent-prompt")
def test_a_thread_is_followed_until_a_minute_after_its_end(agent: httpx.Client, thread_id: str, db: Database) -> None:
    assert agent.get(f"/chat/{thread_id}/stream").status_code == 204
    prompt_id = prompt_id_of(post(agent, "/agui", thread_id))
    followed = agent.get(f"/chat/{thread_id}/stream")
    assert prompt_id_of(followed) == prompt_id
    assert read(followed)[-1]["type"] == "finish"
    for seconds, status in ((RECENT_SECONDS - 20, 200), (RECENT_SECONDS + 1, 204)):
        query = "UPDATE prompts SET ended_at = clock_timestamp() - make_interval(secs => %s) WHERE id = %s"
        db.execute(query, (seconds, prompt_id))
        assert agent.get(f"/chat/{thread_id}/stream").status_code == status


def test_a_users_open_streams_count_whatever_their_protocol(
    agent: httpx.Client, waiting_prompt: str, thread_id: str, db: Database
) -> None:
    db.execute(
        "INSERT INTO stream_leases (user_id, slot, id, prompt_id, expires_at)"
        " SELECT %s, slot, 'lease-' || slot, %s, now() + interval '1 minute' FROM generate_series(0, 20) slot",
        (agent.headers["x-user-id"], waiting_prompt),
    )
    for response in (
        post(agent, "/agui", unique_id("thread-")), agent.get(f"/chat/{thread_id}/stream"),
        agent.post("/chat", json=answer(thread_id, waiting_prompt, True)),
    ):  # fmt: skip
        expect_error(response, 429, "QUOTA_EXCEEDED")
    query = "SELECT count(*) AS n FROM stream_leases WHERE user_id = %s AND is_recalled"
    assert db.execute(query, (agent.headers["x-user-id"],)).fetchone() == {"n": 1}
    assert agent.get(f"/prompts/{waiting_prompt}").json()["status"] == "waiting"

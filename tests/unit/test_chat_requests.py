"""What a client of a chat protocol may send, and what of it counts."""

from typing import Any

import pytest

from pointsman.errors import InvalidToolInput
from pointsman.http.chat_protocols.agui_input import parse_run_agent_input
from pointsman.http.chat_protocols.chat_request import ApprovalAnswer, UserMessage
from pointsman.http.chat_protocols.ui_message_request import parse_ui_message_request
from pointsman.prompts.chat_threads import derive_idempotency_key

PROMPT = "prompt-" + "0" * 32
USER = {"id": "message-1", "role": "user", "content": "Hello"}
UI_USER = {"id": "message-1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]}
RUN: dict[str, Any] = {
    "threadId": "thread-1", "runId": "run-1", "messages": [USER], "tools": [], "context": [], "forwardedProps": {},
    "state": {}, "protocolVersion": "1.0",
}  # fmt: skip
CHAT: dict[str, Any] = {"id": "thread-1", "messages": [UI_USER], "trigger": "submit-message"}


def refuse(parse: Any, body: object) -> dict[str, Any]:
    """The one issue of a body that is refused."""
    with pytest.raises(InvalidToolInput) as refused:
        parse(body)
    (issue,) = refused.value.issues
    return {"path": issue["path"], "message": issue["message"]}


def resume(**entry: Any) -> dict[str, Any]:
    return {**RUN, "resume": [{"interruptId": f"{PROMPT}:call_1", "status": "resolved", **entry}]}


def answer_body(approval: Any, **part: Any) -> dict[str, Any]:
    part = {"type": "dynamic-tool", "toolCallId": "call_1", "state": "approval-responded", "approval": approval, **part}
    return {**CHAT, "messages": [UI_USER, {"id": PROMPT, "role": "assistant", "parts": [part]}]}


def test_the_last_message_of_the_user_is_submitted() -> None:
    expected = UserMessage("message-1", "Hello", "normal")
    assert parse_run_agent_input(RUN).message == expected
    assert parse_ui_message_request(CHAT).message == expected
    older = {**USER, "id": "message-0", "content": "Older"}
    answer = {"id": "a", "role": "assistant", "content": "Hi"}
    assert parse_run_agent_input({**RUN, "messages": [older, answer, USER, answer]}).message == expected
    assert parse_ui_message_request({**CHAT, "messages": [{"anything": 1}, UI_USER]}).message == expected


def test_text_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]
    run, chat = {**USER, "content": parts}, {**UI_USER, "parts": parts}
    for request in (
        parse_run_agent_input({**RUN, "messages": [run]}), parse_ui_message_request({**CHAT, "messages": [chat]}),
    ):  # fmt: skip
        assert request.message is not None
        assert request.message.text == "One\nTwo"


@pytest.mark.parametrize("part", [{"type": "image"}, {"type": "file", "url": "data:"}, {"type": "text"}, "text", None])
def test_other_parts_are_refused(part: object) -> None:
    parts = [{"type": "text", "text": "One"}, part]
    issue = refuse(parse_run_agent_input, {**RUN, "messages": [{**USER, "content": parts}]})
    assert issue["path"] == ["messages", 0, "content", 1]
    issue = refuse(parse_ui_message_request, {**CHAT, "messages": [{**UI_USER, "parts": parts}]})
    assert (issue["path"], "text parts" in issue["message"]) == (["messages", 0, "parts", 1], True)


def test_the_model_can_be_chosen() -> None:
    for request in (
        parse_run_agent_input({**RUN, "forwardedProps": {"model": "high"}}),
        parse_ui_message_request({**CHAT, "model": "high"}),
    ):
        assert request.message is not None
        assert request.message.model == "high"
    assert refuse(parse_run_agent_input, {**RUN, "forwardedProps": {"model": "x"}})["path"] == [
        "forwardedProps",
        "model",
    ]
    assert refuse(parse_ui_message_request, {**CHAT, "model": 1})["path"] == ["model"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"tools": [{"name": "x", "description": "", "parameters": {}}]}, ["tools"]),
        ({"context": [{"description": "x", "value": "y"}]}, ["context"]), ({"unknown": 1}, ["unknown"]),
        ({"forwardedProps": {"x": 1}}, ["forwardedProps", "x"]), ({"forwardedProps": [1]}, ["forwardedProps"]),
        ({"messages": []}, ["messages"]), ({"messages": None}, ["messages"]), ({"messages": ["x"]}, ["messages"]),
        ({"messages": [{"role": "assistant"}]}, ["messages"]), ({"runId": None}, ["runId"]),
        ({"messages": [{**USER, "id": ""}]}, ["messages", 0, "id"]), ({"threadId": 1}, ["threadId"]),
        ({"messages": [{**USER, "content": 1}]}, ["messages", 0, "content"]), ({"resume": "x"}, ["resume"]),
        ({"resume": False}, ["resume"]), ({"resume": {}}, ["resume"]), ({"tools": 0}, ["tools"]),
        ({"context": ""}, ["context"]),
        ({"forwardedProps": []}, ["forwardedProps"]), ({"forwardedProps": 0}, ["forwardedProps"]),
        ({"protocolVersion": 1}, ["protocolVersion"]), ({"parentRunId": {}}, ["parentRunId"]),
        ({"unknown": None}, ["unknown"]),
    ],
)  # fmt: skip
def test_a_run_that_cannot_be_run_is_refused(change: dict[str, Any], path: list[Any]) -> None:
    assert refuse(parse_run_agent_input, {**RUN, **change})["path"] == path


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"unknown": 1}, ["unknown"]), ({"id": ""}, ["id"]), ({"id": None}, ["id"]), ({"messages": {}}, ["messages"]),
        ({"trigger": "regenerate-message"}, ["trigger"]), ({"messageId": {}}, ["messageId"]),
        ({"messages": [{"role": "system"}]}, ["messages", 0, "role"]),
        ({"messages": [{"role": "assistant"}]}, ["messages", 0, "parts"]),
        ({"messages": [{**UI_USER, "parts": []}]}, ["messages", 0, "parts"]),
        ({"messages": [{**UI_USER, "id": 1}]}, ["messages", 0, "id"]),
    ],
)  # fmt: skip
def test_a_chat_that_cannot_go_on_is_refused(change: dict[str, Any], path: list[Any]) -> None:
    assert refuse(parse_ui_message_request, {**CHAT, **change})["path"] == path


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_what_is_no_object_is_refused(body: object) -> None:
    assert refuse(parse_run_agent_input, body)["path"] == []
    assert refuse(parse_ui_message_request, body)["path"] == []


def test_answers_are_read() -> None:
    approval_id = f"{PROMPT}:call_1"
    payload = {"approved": False, "reason": "No"}
    assert parse_run_agent_input(resume(payload=payload)).answers == [ApprovalAnswer(approval_id, False, "No")]
    assert parse_run_agent_input(resume(status="cancelled")).answers == [ApprovalAnswer(approval_id, None, None)]
    request = parse_ui_message_request(answer_body({"id": approval_id, "approved": True}))
    assert (request.answers, request.message) == ([ApprovalAnswer(approval_id, True, None)], None)
    assert request.shown_calls == {"call_1"}


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({}, ["payload"]), ({"payload": True}, ["payload"]), ({"payload": {}}, ["payload", "approved"]),
        ({"payload": {"approved": "yes"}}, ["payload", "approved"]), ({"status": "done"}, ["status"]),
        ({"payload": {"approved": True, "editedArgs": {}}}, ["payload", "editedArgs"]),
        ({"payload": {"approved": False, "reason": "x" * 2001}}, ["payload", "reason"]),
        ({"interruptId": None}, ["interruptId"]), ({"more": 1}, ["more"]),
    ],
)  # fmt: skip
def test_an_answer_that_says_nothing_is_refused(entry: dict[str, Any], path: list[str]) -> None:
    assert refuse(parse_run_agent_input, resume(**entry))["path"] == ["resume", 0, *path]


@pytest.mark.parametrize("approval", [None, {}, {"id": "x"}, {"id": "x", "approved": 1}, {"id": "", "approved": True}])
def test_a_part_without_an_answer_is_refused(approval: object) -> None:
    assert refuse(parse_ui_message_request, answer_body(approval))["path"][:4] == ["messages", 1, "parts", 0]


def test_an_answer_that_was_sent_before_is_not_sent_again() -> None:
    body = answer_body({"id": "x", "approved": True}, state="output-available")
    assert refuse(parse_ui_message_request, body)["path"] == ["messages", 1, "parts"]


def test_the_message_that_is_named_is_meant() -> None:
    approval = {"id": f"{PROMPT}:call_1", "approved": True}
    body = answer_body(approval)
    body["messages"].append({"id": "later", "role": "user", "parts": [{"type": "text", "text": "Later"}]})
    assert parse_ui_message_request({**body, "messageId": PROMPT}).answers
    assert parse_ui_message_request(body).message


def test_a_run_takes_back_what_it_sends_again() -> None:
    asking = {"id": "a", "role": "assistant", "toolCalls": [{"id": "call_1"}, "x", {"id": 1}]}
    late = {"id": "b", "role": "assistant", "content": "Half"}
    messages = [USER, asking, late]
    request = parse_run_agent_input({**resume(payload={"approved": True}), "messages": messages})
    assert request.shown_calls == {"call_1"}
    mapping = request.create_mapping(PROMPT, {"call_1"})
    begin = mapping.begin()
    assert b'"MESSAGES_SNAPSHOT","messages":[{"id":"message-1"' in begin
    assert (b'"id":"a"' in begin, b"Half" in begin) == (True, False)
    assert b"MESSAGES_SNAPSHOT" not in parse_run_agent_input(RUN).create_mapping(PROMPT, ()).begin()


@pytest.mark.limit("thread-id")
def test_a_thread_id_has_at_most_128_characters() -> None:
    assert parse_run_agent_input({**RUN, "threadId": "x" * 128}).thread_id == "x" * 128
    assert parse_ui_message_request({**CHAT, "id": "x" * 128}).thread_id == "x" * 128
    assert refuse(parse_run_agent_input, {**RUN, "threadId": "x" * 129})["path"] == ["threadId"]
    assert refuse(parse_ui_message_request, {**CHAT, "id": "x" * 129})["path"] == ["id"]


@pytest.mark.limit("message-id")
def test_an_id_of_a_message_a_run_or_an_approval_has_at_most_255_characters() -> None:
    for length in (255, 256):
        runs = [
            {**RUN, "runId": "x" * length}, {**RUN, "messages": [{**USER, "id": "x" * length}]},
            resume(interruptId="x" * length, status="cancelled"),
        ]  # fmt: skip
        chats = [
            {**CHAT, "messages": [{**UI_USER, "id": "x" * length}]},
            answer_body({"id": "x" * length, "approved": True}),
        ]  # fmt: skip
        for parse, bodies in ((parse_run_agent_input, runs), (parse_ui_message_request, chats)):
            for body in bodies:
                if length == 255:
                    parse(body)
                else:
                    assert "255" in refuse(parse, body)["message"]


@pytest.mark.limit("approval-answers")
def test_a_request_answers_at_most_20_approvals() -> None:
    entry, part = (
        resume(status="cancelled")["resume"],
        answer_body({"id": "x", "approved": True})["messages"][1]["parts"],
    )
    for count in (20, 21):
        run = {**RUN, "resume": entry * count}
        chat = {**CHAT, "messages": [{"id": PROMPT, "role": "assistant", "parts": part * count}]}
        for parse, body, path in (
            (parse_run_agent_input, run, ["resume"]), (parse_ui_message_request, chat, ["messages"]),
        ):  # fmt: skip
            if count == 20:
                assert len(parse(body).answers) == 20
            else:
                assert refuse(parse, body)["path"] == path


def test_a_message_of_another_conversation_has_another_key() -> None:
    keys = {derive_idempotency_key(*ids) for ids in (("a", "bc"), ("ab", "c"), ("a", "b"), ("a", "\ud800"))}
    assert len(keys) == 4
    assert all(len(key) < 255 and key.isascii() for key in keys)

"""AG-UI's `RunAgentInput`: what a run requests.

Earlier messages are not taken as the conversation's history, which is the server's; they are what the client shows.
"""

from collections.abc import Collection
from typing import Any, cast

from ...errors import DatabaseUnavailable
from ...prompts import approvals
from .agui_events import AguiEvents, Run
from .chat_request import (
    ApprovalAnswer,
    ChatRequest,
    UserMessage,
    invalid_request,
    parse_decision,
    parse_id,
    parse_members,
    parse_messages,
    parse_model,
    parse_text_parts,
    parse_thread_id,
    require_few_answers,
    require_type,
)

__all__ = ["parse_run_agent_input"]

_MEMBERS = (
    "threadId", "runId", "messages", "resume", "forwardedProps", "state", "tools", "context", "parentRunId",
    "protocolVersion",
)  # fmt: skip
_UNUSABLE = {
    "tools": "Tools of the client cannot be called; send an empty list. The agent has tools of its own",
    "context": "Context is not read; send an empty list, and say in the message what the agent should know",
}


def parse_run_agent_input(raw: object) -> ChatRequest:
    """Validate a run's input.

    Raises:
        InvalidToolInput: it is not valid.
    """
    members = parse_members(raw, _MEMBERS)
    thread_id, run_id = parse_thread_id(members.get("threadId"), "threadId"), parse_id(members.get("runId"), "runId")
    for name in ("parentRunId", "protocolVersion"):
        require_type(members.get(name), str, name)
    for name, message in _UNUSABLE.items():
        require_type(members.get(name), list, name)
        if members.get(name):
            raise invalid_request(message, name)
    properties = members.get("forwardedProps")
    forwarded = parse_members({} if properties is None else properties, ["model"], "forwardedProps")
    model = parse_model(forwarded.get("model"), "forwardedProps", "model")
    messages = parse_messages(members.get("messages"))
    answers = _parse_resume(members.get("resume"))
    last = max((index for index, message in enumerate(messages) if message.get("role") == "user"), default=None)
    calls_by_index = {index: _list_calls(message) for index, message in enumerate(messages)}

    def create_mapping(prompt_id: str, after_calls: Collection[str]) -> AguiEvents:
        asking = [index for index, calls in calls_by_index.items() if calls & {*after_calls}]
        kept = messages[: (asking[-1] if asking else -1 if last is None else last) + 1]
        return AguiEvents(prompt_id, Run(thread_id, run_id, kept, len(kept) < len(messages)), _find_expiry)

    message = None
    if not answers:
        if last is None:
            raise invalid_request("There must be a message of the role user", "messages")
        message = _parse_user_message(messages[last], last, model)
    shown_calls = {call for calls in calls_by_index.values() for call in calls}
    return ChatRequest(thread_id, message, answers, shown_calls, create_mapping)


def _find_expiry(prompt_id: str, call_id: str) -> str | None:
    try:
        return approvals.find_expiry(prompt_id, call_id)
    except DatabaseUnavailable:
        return None  # The interrupt is complete without it.


def _parse_user_message(message: dict[str, object], index: int, model: str) -> UserMessage:
    message_id, content = parse_id(message.get("id"), "messages", index, "id"), message.get("content")
    text = content if isinstance(content, str) else parse_text_parts(content, "messages", index, "content")
    return UserMessage(message_id, text, model)


def _parse_resume(raw: object) -> list[ApprovalAnswer]:
    require_type(raw, list, "resume")
    entries = cast("list[object]", raw or [])
    require_few_answers(entries, "resume")
    return [_parse_resume_entry(entry, index) for index, entry in enumerate(entries)]


def _parse_resume_entry(raw: object, index: int) -> ApprovalAnswer:
    path = ("resume", index)
    entry = parse_members(raw, ("interruptId", "status", "payload", "metadata"), *path)
    approval_id = parse_id(entry.get("interruptId"), *path, "interruptId")
    if entry.get("status") == "cancelled":
        return ApprovalAnswer(approval_id, None, None)
    if entry.get("status") != "resolved":
        raise invalid_request("Input should be 'resolved' or 'cancelled'", *path, "status")
    payload = parse_members(entry.get("payload"), ("approved", "reason"), *path, "payload")
    return ApprovalAnswer(approval_id, *parse_decision(payload, *path, "payload"))


def _list_calls(message: dict[str, object]) -> set[str]:
    """Return the ids of a message's tool calls. What is malformed has none."""
    calls = message.get("toolCalls")
    if not isinstance(calls, list):
        return set()
    ids = [cast("dict[str, Any]", call).get("id") for call in cast("list[object]", calls) if isinstance(call, dict)]
    return {call_id for call_id in ids if isinstance(call_id, str)}

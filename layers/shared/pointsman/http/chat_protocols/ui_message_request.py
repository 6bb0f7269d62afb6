"""The body that the AI SDK's `DefaultChatTransport` sends: `{id, messages, trigger, messageId}`.

The last message is what counts: one of the user is submitted, one of the assistant has answers to approvals. Earlier
messages are not read, so a client need not send them.
"""

from collections.abc import Collection
from typing import cast

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
from .ui_message_chunks import UiMessageChunks

__all__ = ["parse_ui_message_request"]

_MEMBERS = ("id", "messages", "trigger", "messageId", "model")


def parse_ui_message_request(raw: object) -> ChatRequest:
    """Validate the body.

    Raises:
        InvalidToolInput: it is not valid.
    """
    members = parse_members(raw, _MEMBERS)
    thread_id = parse_thread_id(members.get("id"), "id")
    messages = parse_messages(members.get("messages"))
    if members.get("trigger", "submit-message") != "submit-message":
        message = "Only 'submit-message' is supported: answers stay in the history; a new message gets another"
        raise invalid_request(message, "trigger")
    require_type(members.get("messageId"), str, "messageId")
    model, index = parse_model(members.get("model"), "model"), _find_index(messages, members.get("messageId"))
    last, path = messages[index], ("messages", index)
    answers: list[ApprovalAnswer] = []
    user_message = None
    if last.get("role") == "user":
        message_id = parse_id(last.get("id"), *path, "id")
        user_message = UserMessage(message_id, parse_text_parts(last.get("parts"), *path, "parts"), model)
    elif last.get("role") == "assistant":
        answers = _parse_answers(last.get("parts"), index)
    else:
        raise invalid_request("The last message must be the user's or the assistant's", *path, "role")
    shown_calls = {answer.call_id for answer in answers}
    return ChatRequest(thread_id, user_message, answers, shown_calls, _create_mapping)


def _create_mapping(prompt_id: str, _after_calls: Collection[str]) -> UiMessageChunks:
    return UiMessageChunks(prompt_id)


def _find_index(messages: list[dict[str, object]], message_id: object) -> int:
    """Return the index of the message that the request is about: the one it names, or the last one."""
    indexes = [index for index, message in enumerate(messages) if message_id and message.get("id") == message_id]
    return indexes[-1] if indexes else len(messages) - 1


def _parse_answers(raw: object, message_index: int) -> list[ApprovalAnswer]:
    """Return the answers that the client has not sent yet: parts in the state `approval-responded`."""
    path = ("messages", message_index, "parts")
    answers: list[ApprovalAnswer] = []
    for index, raw_part in enumerate(cast("list[object]", raw) if isinstance(raw, list) else []):
        part = cast("dict[str, object]", raw_part) if isinstance(raw_part, dict) else {}
        if part.get("state") == "approval-responded":
            answers.append(_parse_approval(part.get("approval"), *path, index, "approval"))
    if not answers:
        message = "The last message must be the user's, or have a tool part in the state 'approval-responded'"
        raise invalid_request(message, *path)
    require_few_answers(answers, "messages")
    return answers


def _parse_approval(raw: object, *path: str | int) -> ApprovalAnswer:
    approval = cast("dict[str, object]", raw) if isinstance(raw, dict) else {}
    return ApprovalAnswer(parse_id(approval.get("id"), *path, "id"), *parse_decision(approval, *path))

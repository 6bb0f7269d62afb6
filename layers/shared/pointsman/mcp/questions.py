"""Questions to the person at the client (elicitation), and what is said where nobody there can be asked."""

import json
from typing import cast

from ..db.tool_calls import ToolCall
from ..timestamps import format_timestamp
from .messages import INVALID_PARAMS, JsonObject, RpcError
from .request_state import Asked, Question, sign

__all__ = ["ask", "explain", "read_answer"]

_KEY = "approval"
"""Of the question among `inputRequests`, and of its answer among `inputResponses`."""

_ACTIONS = ("accept", "decline", "cancel")


def ask(asked: Asked, call: ToolCall, seq: int) -> JsonObject:
    """Build the result that asks the person at the client whether a call may run.

    Args:
        asked: the request, which the client repeats with the answer.
        call: the call that waits; it may be one of a prompt.
        seq: the number of the last event that the client knows of.
    """
    shown, expires_at = _get_shown(call), call.expires_at
    assert expires_at is not None
    message = f"{shown['reason']}\n\n{shown['toolName']} {json.dumps(shown['input'], ensure_ascii=False)}"
    question = Question(call.prompt_id, call.id, seq, int(expires_at.timestamp()))
    params: JsonObject = {"mode": "form", "message": message, "requestedSchema": {"type": "object", "properties": {}}}
    return {
        "resultType": "input_required",
        "inputRequests": {_KEY: {"method": "elicitation/create", "params": params}},
        "requestState": sign(question, asked),
    }


def read_answer(params: JsonObject) -> str:
    """Return the person's action: `accept`, `decline` or `cancel`.

    Raises:
        RpcError: the request has no such answer.
    """
    responses = params.get("inputResponses")
    answer = cast("JsonObject", responses).get(_KEY) if isinstance(responses, dict) else None
    action = cast("JsonObject", answer).get("action") if isinstance(answer, dict) else None
    if not isinstance(params.get("requestState"), str) or action not in _ACTIONS:
        raise RpcError(INVALID_PARAMS, f"A requestState comes with inputResponses.{_KEY}.action: {', '.join(_ACTIONS)}")
    return str(action)


def explain(call: ToolCall, prefix: str) -> str:
    """Say what waits for whom, and how they decide.

    Args:
        call: the call that waits.
        prefix: the path prefix of the Agent API.
    """
    shown, expires_at = _get_shown(call), call.expires_at
    assert expires_at is not None
    who = "The user" if call.approver == "self" else f"Somebody else with the permission {call.required_permission}"
    return (
        f"{shown['toolName']} has not run: a person must approve it. {shown['reason']}. {who} decides in the console,"
        f' or with POST {prefix}/prompts/{call.prompt_id}/approve (or /reject) and {{"toolCallId": "{call.id}"}}, until'
        f" {format_timestamp(expires_at)}."
    )


def _get_shown(call: ToolCall) -> JsonObject:
    assert call.shown is not None
    return call.shown

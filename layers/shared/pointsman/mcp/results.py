"""Results of `tools/call`: outputs, errors that a model can read, and the state of a prompt."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..agent.validation import format_issues
from ..db.tool_calls import ToolCall
from ..errors import InvalidToolInput, PointsmanError
from ..http.agent_api.errors import ERROR_FORMAT
from ..http.common import GatewayEvent
from ..prompts.queries import PromptView
from ..response_size import MAX_PAGE_BYTES
from .messages import JsonObject

__all__ = ["build_error_result", "build_outcome", "build_output_result", "build_text_result", "find_call_result"]

_MAX_TEXT_CHARS = 100_000
"""Of what a model has written, in the state of a prompt."""
_MAX_CALLS_BYTES = 200_000
"""Of the tool calls, in the state of a prompt. Clients take an event of 1 MiB, and each value stands there twice."""


def build_output_result(output: object) -> JsonObject:
    """Build the result of a call that has succeeded: its output as text, and as it is if it is an object."""
    text = json.dumps(output, ensure_ascii=False)
    if len(text) > MAX_PAGE_BYTES // 2:
        message = "RESPONSE_TOO_LARGE: The call was carried out, but what it returned is too large to be sent"
        return build_text_result(f"{message}; ask for less of it: a smaller limit, fewer ids", is_error=True)
    result = build_text_result(text)
    return {**result, "structuredContent": output} if isinstance(output, dict) else result


def build_text_result(text: str, *, is_error: bool = False, meta: Mapping[str, object] | None = None) -> JsonObject:
    """Build a result of one text. `meta` is what a program may want to know of it, under keys of our own."""
    result: JsonObject = {"content": [{"type": "text", "text": text}], "isError": is_error}
    return {**result, "_meta": dict(meta)} if meta else result


def build_error_result(event: GatewayEvent, error: Exception) -> JsonObject:
    """Build the result of a call that an exception has ended, and log what is not the caller's fault.

    Args:
        event: the request.
        error: any exception; one that is no PointsmanError is shown without its text.
    """
    content = ERROR_FORMAT.respond(event, error).body["error"]
    text = f"{content['code']}: {content['message']}"
    if isinstance(error, InvalidToolInput):
        text += f": {format_issues(error.issues)}"
    elif isinstance(error, PointsmanError) and content.get("details"):
        text += f"\n{json.dumps(content['details'], ensure_ascii=False)}"
    return build_text_result(text, is_error=True)


def find_call_result(view: PromptView) -> JsonObject | None:
    """Return the result of the call of a prompt without a model; None if it has none."""
    calls = _list_calls(view)
    if not calls:
        return None
    result = cast("dict[str, Any]", calls[0]["result"])
    if result["type"] == "success":
        return build_output_result(result["output"])
    return build_text_result(str(result["error"]), is_error=True)


def build_outcome(view: PromptView, waiting: ToolCall | None, how_to_go_on: str) -> JsonObject:
    """Build the result that shows the state of a prompt.

    Args:
        view: the prompt.
        waiting: the call that waits for a person.
        how_to_go_on: what the client can do if the prompt has not ended; empty if it has.
    """
    outputs = cast("Sequence[dict[str, Any]]", view["outputs"])
    text = "\n\n".join(str(output["content"]) for output in outputs if output["type"] == "text")
    if len(text) > _MAX_TEXT_CHARS:
        text = "…" + text[-_MAX_TEXT_CHARS:]
    calls = [_describe_call(output) for output in _list_calls(view)]
    shown = _count_fitting(calls)
    outcome: JsonObject = {"promptId": view["id"], "status": view["status"], "text": text, "calls": calls[:shown]}
    if shown < len(calls):
        outcome["omittedCalls"] = len(calls) - shown
    approval = cast("dict[str, Any] | None", view.get("approval"))
    if approval is not None and waiting is not None:
        outcome["approval"] = {
            "toolCallId": approval["toolCallId"],
            "tool": approval["toolName"],
            "reason": approval["reason"],
            "input": approval["input"],
            "expiresAt": approval["expiresAt"],
        }
    if view.get("error") is not None:
        outcome["error"] = view["error"]
    if how_to_go_on:
        outcome["next"] = how_to_go_on
    has_failed = view["status"] in ("failed", "cancelled")
    shown_text = "\n\n".join(filter(None, (text, str(view.get("error") or ""), how_to_go_on)))
    return {**build_text_result(shown_text, is_error=has_failed), "structuredContent": outcome}


def _list_calls(view: PromptView) -> list[dict[str, Any]]:
    return [output for output in cast("Sequence[dict[str, Any]]", view["outputs"]) if output["type"] == "tool"]


def _describe_call(output: Mapping[str, Any]) -> JsonObject:
    result = output["result"]
    key = "output" if result["type"] == "success" else "error"
    return {"tool": output["function"], "status": result["type"], key: result[key]}


def _count_fitting(calls: Sequence[JsonObject]) -> int:
    size = 0
    for count, call in enumerate(calls):
        size += len(json.dumps(call))
        if size > _MAX_CALLS_BYTES:
            return count
    return len(calls)

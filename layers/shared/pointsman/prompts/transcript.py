"""Transcript of a prompt: outputs, tool results and the final event in the contract's shapes.

Each `append_` function writes in the caller's transaction, which must hold the lock of the prompt's row. It returns the
prompt as the caller must save it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from ..db import call_events, prompt_events, prompt_history, prompt_runs
from ..db.connection import Connection
from ..db.prompt_runs import PromptRun
from ..db.tool_calls import ToolCall, erase_secrets, mark_done
from ..db.user_prompts import PromptStatus
from ..timestamps import format_timestamp
from .model_items import build_tool_output
from .output_size import measure

__all__ = [
    "PROCESS_ENDED",
    "PromptOutput",
    "ToolResult",
    "append_call_event",
    "append_decided_event",
    "append_final_event",
    "append_output",
    "append_tool_result",
    "build_call_output",
    "error_result",
    "measure_result",
    "parse_arguments",
    "unknown_outcome_result",
]

PromptOutput = dict[str, object]
"""Data of a `prompt.output` event."""

PROCESS_ENDED = "its process ended"
"""Why a call's outcome is unknown after a crash or a timeout; see `unknown_outcome_result`."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """Result of a tool call, to be recorded once.

    Attributes:
        content: `{"type": "success", "output": …}` or `{"type": "error", "error": …}`.
        started_at: when the call started.
        files: outputs of type `file` that the tool emitted.
    """

    content: PromptOutput
    started_at: datetime
    files: Sequence[PromptOutput] = field(default_factory=list[PromptOutput])


def error_result(message: str, started_at: datetime | None = None) -> ToolResult:
    """Build the result of a call that failed, or did not run. `started_at` is now by default."""
    return ToolResult({"type": "error", "error": message}, started_at or datetime.now(UTC))


def unknown_outcome_result(cause: str, started_at: datetime | None) -> ToolResult:
    """Build the result of a call that was interrupted. It may have had its effect, so it is never run again."""
    message = f"Outcome unknown: {cause} while the tool was running. What it does may have happened or not; look before"
    return error_result(f"{message} it is done again", started_at)


def parse_arguments(arguments: str) -> object:
    """Parse the arguments of a tool call as the model wrote them. An empty text is an empty object, and so is `null`.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        value: object = json.loads(arguments) if arguments.strip() else {}
        json.dumps(value, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return {} if value is None else value


def append_output(db: Connection, prompt_run: PromptRun, new_output: PromptOutput) -> None:
    """Append an output to the events. Its bytes are counted with what it belongs to: a turn, or a call's result."""
    prompt_events.append(db, prompt_run.id, "prompt.output", new_output)


def append_call_event(db: Connection, call: ToolCall) -> None:
    """Append that the tool begins to run."""
    data = {
        "promptId": call.prompt_id,
        "toolCallId": call.id,
        "toolName": call.asked["name"],
        "input": _parse_input(call.asked),
        "start": format_timestamp(datetime.now(UTC)),
    }
    call_events.append(db, call.prompt_id, "prompt.call", data)


def append_decided_event(
    db: Connection,
    call: ToolCall,
    decision: Literal["approved", "rejected", "expired"],
    *,
    reason: str | None = None,
    decided_by: str | None = None,
) -> None:
    """Append how the call's approval was decided, and by which user; nobody decides about an expired one."""
    data = {"promptId": call.prompt_id, "toolCallId": call.id, "decision": decision}
    if reason is not None:
        data["reason"] = reason
    if decided_by is not None:
        data["decidedBy"] = decided_by
    call_events.append(db, call.prompt_id, "prompt.decided", data)


def _parse_input(asked: Mapping[str, str]) -> object:
    try:
        return parse_arguments(asked["arguments"])
    except ValueError:
        return asked["arguments"]


def build_call_output(asked: Mapping[str, str], result: PromptOutput, started_at: datetime) -> PromptOutput:
    """Build the output of a call that the model has asked for, and that ends now."""
    return {
        "type": "tool",
        "id": asked["id"],
        "function": asked["name"],
        "input": _parse_input(asked),
        "result": result,
        "start": format_timestamp(started_at),
        "end": format_timestamp(datetime.now(UTC)),
    }


def measure_result(result: ToolResult) -> int:
    """Return the bytes that a call's result and its files add to the prompt's outputs."""
    return measure([result.content, *result.files])


def append_tool_result(db: Connection, prompt_run: PromptRun, call: ToolCall, result: ToolResult) -> PromptRun:
    """Append a call's result to the events, after its files, and to the model's history. The call is done then.

    The call itself was counted with its turn.
    """
    for output in (*result.files, build_call_output(call.asked, result.content, result.started_at)):
        append_output(db, prompt_run, output)
    content = result.content
    model_output = content["output"] if content["type"] == "success" else {"error": content["error"]}
    item = build_tool_output(call.id, json.dumps(model_output, ensure_ascii=False))
    prompt_history.append(db, prompt_run.id, call.turn, [item])
    mark_done(db, call)
    return replace(prompt_run, output_bytes=prompt_run.output_bytes + measure_result(result))


def append_final_event(
    db: Connection, prompt_run: PromptRun, status: PromptStatus, error: str | None = None
) -> PromptRun:
    """Append the final event: `error` with this message, else `prompt.completed`.

    The conversation's row must be locked too, and before the prompt's (`prompt_runs.lock_conversation`).
    """
    if error is None:
        usage = {
            "inputTokens": prompt_run.usage_input,
            "outputTokens": prompt_run.usage_output,
            "totalTokens": prompt_run.usage_total,
        }
        prompt_events.append(db, prompt_run.id, "prompt.completed", {"promptId": prompt_run.id, "usage": usage})
    else:
        prompt_events.append(db, prompt_run.id, "error", {"message": error})
    erase_secrets(db, prompt_run.id)
    if prompt_run.conversation_id is not None:
        prompt_runs.touch_conversation(db, prompt_run.conversation_id)
    return replace(prompt_run, status=status, error=error)

"""What is told of a prompt: outputs and ends in the contract's shapes, written together with what they tell of."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ..db import prompt_events, prompt_history, prompt_runs, tool_calls
from ..db.connection import Connection
from ..db.user_prompts import PromptStatus
from ..timestamps import format_timestamp
from .model_items import build_tool_output

__all__ = [
    "PROCESS_ENDED",
    "PromptOutput",
    "append_final_event",
    "append_output",
    "append_tool_result",
    "parse_arguments",
    "unknown_outcome_result",
    "utc_now",
]

ToolCall = tool_calls.ToolCall
PromptRun = prompt_runs.PromptRun
PromptOutput = dict[str, object]

PROCESS_ENDED = "its process ended"
"""Why a call's outcome is unknown after a crash or a timeout; see `unknown_outcome_result`."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def parse_arguments(arguments: str) -> object:
    """What a model has written as a call's arguments; none at all are an empty object. Raises ValueError."""
    try:
        value: object = json.loads(arguments) if arguments.strip() else {}
        json.dumps(value, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def append_output(db: Connection, prompt_run: PromptRun, new_output: PromptOutput) -> PromptRun:
    """Append an output; the prompt as it is from then on. The prompt must be held."""
    prompt_events.append(db, prompt_run.id, "prompt.output", new_output)
    return replace(prompt_run, output_bytes=prompt_run.output_bytes + len(json.dumps(new_output)))


def append_tool_result(
    db: Connection,
    prompt_run: PromptRun,
    call: ToolCall,
    result: Mapping[str, object],
    started_at: datetime,
    files: list[PromptOutput] | None = None,
) -> PromptRun:
    """Give a call its result: to those who follow, after the `files` that it made, and to the model; as above."""
    try:
        arguments = parse_arguments(call.asked["arguments"])
    except ValueError:
        arguments = call.asked["arguments"]
    tool_output: PromptOutput = {
        "type": "tool",
        "id": call.id,
        "function": call.asked["name"],
        "input": arguments,
        "result": dict(result),
        "start": format_timestamp(started_at),
        "end": format_timestamp(utc_now()),
    }
    for file in files or []:
        prompt_run = append_output(db, prompt_run, file)
    prompt_run = append_output(db, prompt_run, tool_output)
    model_output = result["output"] if result["type"] == "success" else {"error": result["error"]}
    item = build_tool_output(call.id, json.dumps(model_output, ensure_ascii=False))
    prompt_history.append(db, prompt_run.id, call.turn, [item])
    tool_calls.mark_done(db, call)
    return prompt_run


def unknown_outcome_result(cause: str) -> PromptOutput:
    """The result of a call that was cut off. It is never run again: it may have happened."""
    error = f"Outcome unknown: {cause} while the tool was running. What it does may have happened or not; look before"
    return {"type": "error", "error": f"{error} it is done again"}


def append_final_event(
    db: Connection, prompt_run: PromptRun, status: PromptStatus, error: str | None = None
) -> PromptRun:
    """Tell the end, which is the last event; as above. The conversation must be held before the prompt."""
    if error is None:
        usage = {
            "inputTokens": prompt_run.usage_input,
            "outputTokens": prompt_run.usage_output,
            "totalTokens": prompt_run.usage_total,
        }
        prompt_events.append(db, prompt_run.id, "prompt.completed", {"promptId": prompt_run.id, "usage": usage})
    else:
        prompt_events.append(db, prompt_run.id, "error", {"message": error})
    if prompt_run.conversation_id is not None:
        prompt_runs.touch_conversation(db, prompt_run.conversation_id)
    return replace(prompt_run, status=status, error=error)

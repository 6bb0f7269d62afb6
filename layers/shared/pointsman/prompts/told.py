"""What is told of a prompt: outputs and ends in the contract's shapes, written together with what they tell of."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ..db import prompt_calls, prompt_events, prompt_items, prompt_runs
from ..db.connection import Connection
from ..db.prompts import Status
from ..moments import iso

__all__ = ["Output", "answered", "end", "now", "output", "parsed", "unknown_outcome"]

Call = prompt_calls.Call
Run = prompt_runs.Run
Output = dict[str, object]


def now() -> datetime:
    return datetime.now(UTC)


def parsed(arguments: str) -> object:
    """What a model has written as a call's arguments; none at all are an empty object. Raises ValueError."""
    try:
        value: object = json.loads(arguments) if arguments.strip() else {}
        json.dumps(value, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def output(db: Connection, run: Run, told: Output) -> Run:
    """Append an output; the prompt as it is from then on. The prompt must be held."""
    prompt_events.add(db, run.id, "prompt.output", told)
    return replace(run, output_bytes=run.output_bytes + len(json.dumps(told)))


def answered(
    db: Connection,
    run: Run,
    call: Call,
    result: Mapping[str, object],
    start: datetime,
    files: list[Output] | None = None,
) -> Run:
    """Give a call its result: to those who follow, after the `files` that it made, and to the model; as above."""
    try:
        given = parsed(call.asked["arguments"])
    except ValueError:
        given = call.asked["arguments"]
    told: Output = {
        "type": "tool",
        "id": call.id,
        "function": call.asked["name"],
        "input": given,
        "result": dict(result),
        "start": iso(start),
        "end": iso(now()),
    }
    for file in files or []:
        run = output(db, run, file)
    run = output(db, run, told)
    said = result["output"] if result["type"] == "success" else {"error": result["error"]}
    item = {"type": "function_call_output", "call_id": call.id, "output": json.dumps(said, ensure_ascii=False)}
    prompt_items.add(db, run.id, call.turn, [item])
    prompt_calls.done(db, call)
    return run


def unknown_outcome(why: str) -> Output:
    """The result of a call that was cut off. It is never run again: it may have happened."""
    error = f"Outcome unknown: {why} while the tool was running. What it does may have happened or not; look before"
    return {"type": "error", "error": f"{error} it is done again"}


def end(db: Connection, run: Run, status: Status, error: str | None = None) -> Run:
    """Tell the end, which is the last event; as above. The conversation must be held before the prompt."""
    if error is None:
        usage = {"inputTokens": run.usage_input, "outputTokens": run.usage_output, "totalTokens": run.usage_total}
        prompt_events.add(db, run.id, "prompt.completed", {"promptId": run.id, "usage": usage})
    else:
        prompt_events.add(db, run.id, "error", {"message": error})
    if run.conversation_id is not None:
        prompt_runs.touch_conversation(db, run.conversation_id)
    return replace(run, status=status, error=error)

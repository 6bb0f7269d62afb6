"""The model's input: the newest items of the conversation's earlier prompts, then the prompt's own."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ...db import prompt_history
from ...db.connection import Connection
from ...db.prompt_history import HistoryItem
from ...db.prompt_runs import PromptRun
from ...prompts.model_items import build_tool_output

__all__ = ["History", "load_history"]


@dataclass(frozen=True, slots=True)
class History:
    """What is sent to the model. `is_shortened`: the conversation has more, which is left out."""

    items: list[HistoryItem]
    is_shortened: bool


def load_history(db: Connection, prompt_run: PromptRun, max_bytes: int) -> History:
    """Read all of the prompt's own items, and the newest turns of the conversation before it that fit beside them.

    Calls and their outputs stay together: the Responses API rejects a history with one that has not the other. A prompt
    that failed or was cancelled leaves calls behind that never got an output. They get one, with the `seq` 0.
    """
    own_items = prompt_history.list_for_prompt(db, prompt_run.id)
    earlier_items, is_shortened = list[HistoryItem](), False
    if prompt_run.conversation_id is not None:
        bytes_left = max_bytes - sum(len(json.dumps(row.item)) for row in own_items)
        earlier_items, is_shortened = prompt_history.list_newest(
            db, prompt_run.conversation_id, prompt_run.user_id, prompt_run.id, bytes_left
        )
    items: list[HistoryItem] = []
    open_calls: dict[str, HistoryItem] = {}
    prompt_id = ""
    for row in [*earlier_items, *own_items]:
        if row.prompt_id != prompt_id:
            items += _build_missing_outputs(open_calls)
            open_calls, prompt_id = {}, row.prompt_id
        call_id, kind = str(row.item.get("call_id")), row.item.get("type")
        if kind == "function_call":
            open_calls[call_id] = row
        elif kind == "function_call_output" and open_calls.pop(call_id, None) is None:
            continue  # Its call is not sent any more.
        items.append(row)
    return History([*items, *_build_missing_outputs(open_calls)], is_shortened)


def _build_missing_outputs(open_calls: dict[str, HistoryItem]) -> Iterable[HistoryItem]:
    """Build outputs for calls that did not run."""
    for call_id, call in open_calls.items():
        reason = "the prompt was cancelled" if call.status == "cancelled" else "the prompt had failed"
        output = build_tool_output(call_id, f'{{"error": "Not run: {reason}"}}')
        yield replace(call, seq=0, item=output, origin=None, refusal=None)

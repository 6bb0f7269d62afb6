"""The model's input: the items of the conversation's earlier prompts, then the prompt's own."""

from collections.abc import Iterable
from dataclasses import replace

from ...db import prompt_history
from ...db.connection import Connection
from ...db.prompt_history import HistoryItem
from ...db.prompt_runs import PromptRun
from ...prompts.model_items import build_tool_output

__all__ = ["load_history"]


def load_history(db: Connection, prompt_run: PromptRun) -> list[HistoryItem]:
    """Read all items in order, and add an output for each call that never got one.

    The Responses API rejects a history with a call that has no output. A prompt that failed or was cancelled leaves
    such calls behind. The added outputs have the `seq` 0.
    """
    earlier_items: list[HistoryItem] = []
    if prompt_run.conversation_id is not None:
        earlier_items = prompt_history.list_for_conversation(
            db, prompt_run.conversation_id, prompt_run.user_id, prompt_run.id
        )
    history: list[HistoryItem] = []
    open_calls: dict[str, HistoryItem] = {}
    prompt_id = ""
    for row in [*earlier_items, *prompt_history.list_for_prompt(db, prompt_run.id)]:
        if row.prompt_id != prompt_id:
            history += _build_missing_outputs(open_calls)
            open_calls, prompt_id = {}, row.prompt_id
        history.append(row)
        call_id, kind = str(row.item.get("call_id")), row.item.get("type")
        if kind == "function_call":
            open_calls[call_id] = row
        elif kind == "function_call_output":
            open_calls.pop(call_id, None)
    return [*history, *_build_missing_outputs(open_calls)]


def _build_missing_outputs(open_calls: dict[str, HistoryItem]) -> Iterable[HistoryItem]:
    """Build outputs for calls that did not run."""
    for call_id, call in open_calls.items():
        reason = "the prompt was cancelled" if call.status == "cancelled" else "the prompt had failed"
        output = build_tool_output(call_id, f'{{"error": "Not run: {reason}"}}')
        yield replace(call, seq=0, item=output, origin=None, refusal=None)

"""The model's input: the items of the conversation's earlier prompts, then the prompt's own."""

from collections.abc import Iterable

from ...db import prompt_history
from ...db.connection import Connection
from ...db.prompt_runs import PromptRun
from ...prompts.model_items import ModelItem, build_tool_output

__all__ = ["load_history"]


def load_history(db: Connection, prompt_run: PromptRun) -> list[ModelItem]:
    """Read all items in order, and add an output for each call that never got one.

    The Responses API rejects a history with a call that has no output. A prompt that failed or was cancelled leaves
    such calls behind.
    """
    earlier_items: list[prompt_history.HistoryItem] = []
    if prompt_run.conversation_id is not None:
        earlier_items = prompt_history.list_for_conversation(
            db, prompt_run.conversation_id, prompt_run.user_id, prompt_run.id
        )
    items: list[ModelItem] = []
    open_calls: dict[str, bool] = {}
    prompt_id = ""
    for row in [*earlier_items, *prompt_history.list_for_prompt(db, prompt_run.id)]:
        if row.prompt_id != prompt_id:
            items += _build_missing_outputs(open_calls)
            open_calls, prompt_id = {}, row.prompt_id
        items.append(row.item)
        call_id, kind = str(row.item.get("call_id")), row.item.get("type")
        if kind == "function_call":
            open_calls[call_id] = row.cancelled
        elif kind == "function_call_output":
            open_calls.pop(call_id, None)
    return [*items, *_build_missing_outputs(open_calls)]


def _build_missing_outputs(open_calls: dict[str, bool]) -> Iterable[ModelItem]:
    """Build outputs for calls that did not run. `open_calls` has call ids, and whether their prompt was cancelled."""
    for call_id, cancelled in open_calls.items():
        reason = "the prompt was cancelled" if cancelled else "the prompt had failed"
        yield build_tool_output(call_id, f'{{"error": "Not run: {reason}"}}')

"""What the model is told: the conversation so far in full, and the prompt's own items."""

from collections.abc import Iterable

from ...db import prompt_history
from ...db.connection import Connection
from ...db.prompt_runs import PromptRun
from ...prompts.model_items import ModelItem, build_tool_output

__all__ = ["load_history"]


def load_history(db: Connection, prompt_run: PromptRun) -> list[ModelItem]:
    """All items, in order. A call that a prompt ended before has an output too, or the model's API refuses them all."""
    earlier_items: list[prompt_history.HistoryItem] = []
    if prompt_run.conversation_id is not None:
        earlier_items = prompt_history.list_for_conversation(
            db, prompt_run.conversation_id, prompt_run.user_id, prompt_run.id
        )
    items: list[ModelItem] = []
    open_calls: dict[str, bool] = {}
    prompt_id = ""
    for one in [*earlier_items, *prompt_history.list_for_prompt(db, prompt_run.id)]:
        if one.prompt_id != prompt_id:
            items += _build_missing_outputs(open_calls)
            open_calls, prompt_id = {}, one.prompt_id
        items.append(one.item)
        call_id, kind = str(one.item.get("call_id")), one.item.get("type")
        if kind == "function_call":
            open_calls[call_id] = one.cancelled
        elif kind == "function_call_output":
            open_calls.pop(call_id, None)
    return [*items, *_build_missing_outputs(open_calls)]


def _build_missing_outputs(open_calls: dict[str, bool]) -> Iterable[ModelItem]:
    for call_id, cancelled in open_calls.items():
        reason = "the prompt was cancelled" if cancelled else "the prompt had failed"
        yield build_tool_output(call_id, f'{{"error": "Not run: {reason}"}}')

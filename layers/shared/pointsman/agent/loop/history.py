"""What the model is told: the conversation so far in full, and the prompt's own items."""

from collections.abc import Iterable

from ...db import prompt_items
from ...db.connection import Connection
from ...db.prompt_runs import Run

__all__ = ["call_ids", "history"]

Item = dict[str, object]


def history(db: Connection, run: Run) -> list[Item]:
    """All items, in order. A call that a prompt ended before has an output too, or the model's API refuses them all."""
    earlier: list[prompt_items.Item] = []
    if run.conversation_id is not None:
        earlier = prompt_items.of_conversation(db, run.conversation_id, run.user_id, run.id)
    items: list[Item] = []
    open_calls: dict[str, bool] = {}
    prompt_id = ""
    for one in [*earlier, *prompt_items.of_prompt(db, run.id)]:
        if one.prompt_id != prompt_id:
            items += _not_run(open_calls)
            open_calls, prompt_id = {}, one.prompt_id
        items.append(one.item)
        call_id, kind = str(one.item.get("call_id")), one.item.get("type")
        if kind == "function_call":
            open_calls[call_id] = one.cancelled
        elif kind == "function_call_output":
            open_calls.pop(call_id, None)
    return [*items, *_not_run(open_calls)]


def _not_run(open_calls: dict[str, bool]) -> Iterable[Item]:
    for call_id, cancelled in open_calls.items():
        why = "the prompt was cancelled" if cancelled else "the prompt had failed"
        yield {"type": "function_call_output", "call_id": call_id, "output": f'{{"error": "Not run: {why}"}}'}


def call_ids(items: Iterable[Item]) -> set[str]:
    """The ids of all calls in them."""
    return {str(item.get("call_id")) for item in items if item.get("type") == "function_call"}

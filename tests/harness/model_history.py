"""A conversation's history from items, as the model client takes it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.db.prompt_history import HistoryItem
from pointsman.prompts.model_items import build_user_message


def make_history(
    *items: str | Mapping[str, Any], origin: str | None = None, failed: Iterable[int] = ()
) -> list[HistoryItem]:
    """Make rows: a text is a user's message, and each of these begins a prompt; items after outputs are a new turn.

    Args:
        items: the items in order.
        origin: the origin of the model's items.
        failed: the numbers of the prompts that have failed, from 1.
    """
    rows: list[HistoryItem] = []
    prompt_number, turn, seq, after_input = 0, 0, 0, True
    for given in items:
        item = build_user_message(given) if isinstance(given, str) else dict(given)
        is_user, is_output = item.get("role") == "user", item.get("type") == "function_call_output"
        if is_user:
            prompt_number, turn, seq = prompt_number + 1, 0, 0
        elif after_input and not is_output:
            turn += 1
        after_input = is_user or is_output
        seq += 1
        rows.append(
            HistoryItem(
                f"prompt-{prompt_number}",
                seq,
                turn,
                item,
                None if after_input else origin,
                None,
                "failed" if prompt_number in failed else "completed",
            )
        )
    return rows

"""The table `prompt_items`: the input and output items of the model's turns, in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .connection import Connection
from .rows import fetch_all, to_json

__all__ = ["HistoryItem", "append", "list_for_conversation", "list_for_prompt"]


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """A row of `prompt_items`. `item` is in the form of the Responses API; `cancelled` is whether the prompt was."""

    prompt_id: str
    item: dict[str, Any]
    cancelled: bool


def append(connection: Connection, prompt_id: str, turn: int, items: Iterable[Mapping[str, object]]) -> None:
    """Append items of a turn. The prompt's row must be locked, or two writers would use the same number.

    Raises:
        ValueError: An item has numbers that JSON does not have.
    """
    for item in items:
        connection.execute(
            "INSERT INTO prompt_items (prompt_id, seq, turn, item)"
            " SELECT %(id)s, coalesce(max(seq), 0) + 1, %(turn)s, %(item)s FROM prompt_items WHERE prompt_id = %(id)s",
            {"id": prompt_id, "turn": turn, "item": to_json(dict(item))},
        )


def list_for_prompt(connection: Connection, prompt_id: str) -> list[HistoryItem]:
    """Return the prompt's items in order; `cancelled` is False."""
    return fetch_all(
        connection,
        HistoryItem,
        "SELECT prompt_id, item, false AS cancelled FROM prompt_items WHERE prompt_id = %s ORDER BY seq",
        (prompt_id,),
    )


def list_for_conversation(
    connection: Connection, conversation_id: str, user_id: str, excluded_prompt_id: str
) -> list[HistoryItem]:
    """Return the items of the user's other prompts in a conversation, the oldest first."""
    return fetch_all(
        connection,
        HistoryItem,
        "SELECT i.prompt_id, i.item, p.status = 'cancelled' AS cancelled"
        " FROM prompts p JOIN prompt_items i ON i.prompt_id = p.id"
        " WHERE p.conversation_id = %s AND p.user_id = %s AND p.id <> %s ORDER BY p.created_at, p.id, i.seq",
        (conversation_id, user_id, excluded_prompt_id),
    )

"""The table `prompt_items`: what the model was told and what it said, in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .connection import Connection
from .rows import fetch_all, to_json

__all__ = ["HistoryItem", "append", "list_for_conversation", "list_for_prompt"]


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """`item` is as the model's API has it. `cancelled` tells how its prompt has ended."""

    prompt_id: str
    item: dict[str, Any]
    cancelled: bool


def append(connection: Connection, prompt_id: str, turn: int, items: Iterable[Mapping[str, object]]) -> None:
    """Append them. The prompt must be held. Raises ValueError for numbers that JSON has not."""
    for item in items:
        connection.execute(
            "INSERT INTO prompt_items (prompt_id, seq, turn, item)"
            " SELECT %(id)s, coalesce(max(seq), 0) + 1, %(turn)s, %(item)s FROM prompt_items WHERE prompt_id = %(id)s",
            {"id": prompt_id, "turn": turn, "item": to_json(dict(item))},
        )


def list_for_prompt(connection: Connection, prompt_id: str) -> list[HistoryItem]:
    return fetch_all(
        connection,
        HistoryItem,
        "SELECT prompt_id, item, false AS cancelled FROM prompt_items WHERE prompt_id = %s ORDER BY seq",
        (prompt_id,),
    )


def list_for_conversation(
    connection: Connection, conversation_id: str, user_id: str, excluded_prompt_id: str
) -> list[HistoryItem]:
    """Those of the user's prompts in a conversation, but for this one; the oldest first."""
    return fetch_all(
        connection,
        HistoryItem,
        "SELECT i.prompt_id, i.item, p.status = 'cancelled' AS cancelled"
        " FROM prompts p JOIN prompt_items i ON i.prompt_id = p.id"
        " WHERE p.conversation_id = %s AND p.user_id = %s AND p.id <> %s ORDER BY p.created_at, p.id, i.seq",
        (conversation_id, user_id, excluded_prompt_id),
    )

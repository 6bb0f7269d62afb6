"""The table `prompt_items`: the input and output items of the model's turns, in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .connection import Connection
from .rows import fetch_all, to_json
from .user_prompts import PromptStatus

__all__ = ["HistoryItem", "ItemRefusal", "append", "list_for_conversation", "list_for_prompt", "record_refusals"]

ItemRefusal = Literal["content", "type", "always"]
"""What a model has refused: the item as another model gave it, all items of its type, or the item in any form."""

_COLUMNS = "i.prompt_id, i.seq, i.turn, i.item, i.origin, i.refusal, p.status"


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """A row of `prompt_items`.

    Attributes:
        item: The item in the form of the Responses API.
        turn: The number of the model's turn in its prompt; 0 is the user's message.
        origin: What an item of the model is bound to: a hash of the API's URL, the model and the key; None for other
            items, and for those of older versions.
        refusal: What a model has refused of it; None if nothing.
        status: The prompt's status.
    """

    prompt_id: str
    seq: int
    turn: int
    item: dict[str, Any]
    origin: str | None
    refusal: ItemRefusal | None
    status: PromptStatus


def append(
    connection: Connection,
    prompt_id: str,
    turn: int,
    items: Iterable[Mapping[str, object]],
    *,
    origin: str | None = None,
) -> None:
    """Append items of a turn. The prompt's row must be locked, or two writers would use the same number.

    Raises:
        ValueError: An item has numbers that JSON does not have.
    """
    for item in items:
        connection.execute(
            "INSERT INTO prompt_items (prompt_id, seq, turn, item, origin)"
            " SELECT %(id)s, coalesce(max(seq), 0) + 1, %(turn)s, %(item)s, %(origin)s"
            " FROM prompt_items WHERE prompt_id = %(id)s",
            {"id": prompt_id, "turn": turn, "item": to_json(dict(item)), "origin": origin},
        )


def record_refusals(connection: Connection, refusals: Mapping[tuple[str, int], ItemRefusal]) -> None:
    """Record what a model has refused, by prompt id and `seq`. Items that do not exist any more are skipped."""
    for (prompt_id, seq), refusal in sorted(refusals.items()):
        connection.execute(
            "UPDATE prompt_items SET refusal = %s WHERE prompt_id = %s AND seq = %s", (refusal, prompt_id, seq)
        )


def list_for_prompt(connection: Connection, prompt_id: str) -> list[HistoryItem]:
    """Return the prompt's items in order."""
    return fetch_all(
        connection,
        HistoryItem,
        f"SELECT {_COLUMNS} FROM prompts p JOIN prompt_items i ON i.prompt_id = p.id WHERE p.id = %s ORDER BY i.seq",
        (prompt_id,),
    )


def list_for_conversation(
    connection: Connection, conversation_id: str, user_id: str, excluded_prompt_id: str
) -> list[HistoryItem]:
    """Return the items of the user's other prompts in a conversation, the oldest first."""
    return fetch_all(
        connection,
        HistoryItem,
        f"SELECT {_COLUMNS} FROM prompts p JOIN prompt_items i ON i.prompt_id = p.id"
        " WHERE p.conversation_id = %s AND p.user_id = %s AND p.id <> %s ORDER BY p.created_at, p.id, i.seq",
        (conversation_id, user_id, excluded_prompt_id),
    )

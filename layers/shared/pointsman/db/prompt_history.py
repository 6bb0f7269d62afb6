"""The table `prompt_items`: the input and output items of the model's turns, in order."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .connection import Connection
from .rows import fetch_all
from .user_prompts import PromptStatus

__all__ = [
    "MAX_HISTORY_PROMPTS",
    "HistoryItem",
    "ItemRefusal",
    "append",
    "list_for_prompt",
    "list_newest",
    "record_refusals",
]

MAX_HISTORY_PROMPTS = 1000
"""How many earlier prompts of a conversation are looked at."""

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
        text = json.dumps(dict(item), allow_nan=False)
        connection.execute(
            "INSERT INTO prompt_items (prompt_id, seq, turn, item, origin, bytes)"
            " SELECT %(id)s, coalesce(max(seq), 0) + 1, %(turn)s, %(item)s::json, %(origin)s, %(bytes)s"
            " FROM prompt_items WHERE prompt_id = %(id)s",
            {"id": prompt_id, "turn": turn, "item": text, "origin": origin, "bytes": len(text)},
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


def list_newest(
    connection: Connection, conversation_id: str, user_id: str, excluded_prompt_id: str, max_bytes: int
) -> tuple[list[HistoryItem], bool]:
    """Return the newest turns of the user's other prompts in a conversation, in order.

    A turn is a user's message, or a model's response with the outputs of its calls; none is cut. What no model is sent
    any more (`refusal` is `always`) is left out, and does not count.

    Args:
        connection: The connection of the transaction.
        conversation_id: The conversation.
        user_id: Its user.
        excluded_prompt_id: The prompt that asks.
        max_bytes: The limit of the items together, as JSON.

    Returns:
        The items, and whether the conversation has more.
    """
    parameters = {
        "conversation": conversation_id, "user": user_id, "excluded": excluded_prompt_id, "max_bytes": max_bytes,
        "max_prompts": MAX_HISTORY_PROMPTS,
    }  # fmt: skip
    oldest = connection.execute(
        "WITH recent AS MATERIALIZED (SELECT id, created_at FROM prompts"
        "  WHERE conversation_id = %(conversation)s AND user_id = %(user)s AND id <> %(excluded)s"
        "  ORDER BY created_at DESC, id DESC LIMIT %(max_prompts)s),"
        " turns AS (SELECT r.created_at, r.id, i.turn, sum(coalesce(i.bytes, octet_length(i.item::text))) AS bytes"
        f"  FROM recent r JOIN prompt_items i ON i.prompt_id = r.id AND {_MAY_BE_SENT}"
        "  GROUP BY r.created_at, r.id, i.turn),"
        " sums AS (SELECT created_at, id, turn, sum(bytes) OVER"
        "  (ORDER BY created_at DESC, id DESC, turn DESC) AS bytes FROM turns)"
        " SELECT created_at, id, turn FROM sums WHERE bytes <= %(max_bytes)s ORDER BY created_at, id, turn LIMIT 1",
        parameters,
    ).fetchone()
    if oldest is not None:
        parameters |= {"created_at": oldest["created_at"], "oldest": oldest["id"], "turn": oldest["turn"]}
    items = [] if oldest is None else fetch_all(
        connection,
        HistoryItem,
        f"SELECT {_COLUMNS} FROM prompts p JOIN prompt_items i ON i.prompt_id = p.id AND {_MAY_BE_SENT}"
        " WHERE p.conversation_id = %(conversation)s AND p.user_id = %(user)s AND p.id <> %(excluded)s"
        " AND (p.created_at, p.id, i.turn) >= (%(created_at)s, %(oldest)s, %(turn)s)"
        " ORDER BY p.created_at, p.id, i.seq",
        parameters,
    )  # fmt: skip
    older = "TRUE" if oldest is None else "(p.created_at, p.id, i.turn) < (%(created_at)s, %(oldest)s, %(turn)s)"
    has_more = connection.execute(
        "SELECT FROM prompts p JOIN prompt_items i ON i.prompt_id = p.id"
        " WHERE p.conversation_id = %(conversation)s AND p.user_id = %(user)s AND p.id <> %(excluded)s"
        f" AND ({older} OR i.refusal = 'always' AND i.turn = 0) LIMIT 1",
        parameters,
    ).rowcount
    return items, bool(has_more)


_MAY_BE_SENT = "i.refusal IS DISTINCT FROM 'always'"

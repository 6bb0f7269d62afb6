"""The table `prompt_events`: what those who follow a prompt are told, numbered from 1.

A prompt's id is the channel on which they are woken. What comes there is JSON: `{"seq": 3}` when events up to that one
are committed; `{"text": "…", "after": 3}` for a piece of the model's answer, which is stored nowhere; `{"reset": true,
"after": 3}` when it begins anew, and all pieces since the last event, which is number 3, are to be forgotten.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .connection import Connection
from .rows import fetch_all, to_json
from .user_prompts import belongs_to

__all__ = ["PromptEvent", "PromptEventType", "append", "list_after", "list_outputs", "notify_text_delta"]

PromptEventType = Literal["prompt.created", "prompt.output", "prompt.approval", "prompt.completed", "error"]

_MAX_DELTA_CHARACTERS = 600
"""Characters of text in one notification; Postgres takes 8,000 bytes, and a character may be twelve of them."""


@dataclass(frozen=True, slots=True)
class PromptEvent:
    """The keys of `data` are in the order in which they were written."""

    seq: int
    event: PromptEventType
    data: dict[str, Any]


def append(connection: Connection, prompt_id: str, event_type: PromptEventType, data: Mapping[str, object]) -> None:
    """Append an event; who follows is woken by the commit. The prompt must be held."""
    row = connection.execute(
        "INSERT INTO prompt_events (prompt_id, seq, event, data)"
        " SELECT %(id)s, coalesce(max(seq), 0) + 1, %(event)s, %(data)s FROM prompt_events WHERE prompt_id = %(id)s"
        " RETURNING seq",
        {"id": prompt_id, "event": event_type, "data": to_json(dict(data))},
    ).fetchone()
    assert row is not None
    connection.execute("SELECT pg_notify(%s, %s)", (prompt_id, json.dumps({"seq": row["seq"]})))


def list_after(connection: Connection, prompt_id: str, user_id: str, seq: int) -> list[PromptEvent] | None:
    """The events of the user's prompt after this one; None where he has no such prompt."""
    if not belongs_to(connection, prompt_id, user_id):
        return None
    return fetch_all(
        connection,
        PromptEvent,
        "SELECT seq, event, data FROM prompt_events WHERE prompt_id = %s AND seq > %s ORDER BY seq",
        (prompt_id, seq),
    )


def list_outputs(connection: Connection, prompt_id: str) -> list[dict[str, Any]]:
    """All outputs so far, in order."""
    rows = connection.execute(
        "SELECT data FROM prompt_events WHERE prompt_id = %s AND event = 'prompt.output' ORDER BY seq", (prompt_id,)
    ).fetchall()
    return [row["data"] for row in rows]


def notify_text_delta(connection: Connection, prompt_id: str, owner: str, text: str | None) -> None:
    """Hand a piece of the model's answer to those who follow now; None lets them forget what they have.

    Nothing happens where this owner does not hold the prompt any more.
    """
    notifications = (
        [{"text": text[start : start + _MAX_DELTA_CHARACTERS]} for start in range(0, len(text), _MAX_DELTA_CHARACTERS)]
        if text
        else [{"reset": True}]
    )
    for notification in notifications:
        connection.execute(
            "SELECT pg_notify(p.id, %s || ', \"after\": ' || e.seq || '}')"
            " FROM prompts p, (SELECT coalesce(max(seq), 0) AS seq FROM prompt_events WHERE prompt_id = %s) e"
            " WHERE p.id = %s AND p.owner = %s",
            (json.dumps(notification).removesuffix("}"), prompt_id, prompt_id, owner),
        )

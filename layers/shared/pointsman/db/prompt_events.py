"""The table `prompt_events`: a prompt's event log, numbered from 1, and the notifications of its subscribers.

The prompt's id is the channel of the notifications. Their payloads are JSON:

    {"seq": 3}                   events up to number 3 are committed
    {"text": "…", "after": 3}    a text delta of the model's response, which is not stored; the last event is number 3
    {"reset": true, "after": 3}  the response starts again: discard the deltas since event number 3
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .connection import Connection
from .rows import to_json
from .user_prompts import is_prompt_id

__all__ = [
    "CallEventType",
    "EventPosition",
    "PromptEvent",
    "PromptEventType",
    "append",
    "list_after",
    "list_outputs",
    "notify_text_delta",
]

PromptEventType = Literal["prompt.created", "prompt.output", "prompt.approval", "prompt.completed", "error"]

CallEventType = Literal["prompt.call", "prompt.decided"]
"""The types of the events of calls (`call_events`)."""

_MAX_DELTA_CHARACTERS = 600
"""Characters in one notification. The limit of Postgres is 8,000 bytes, and a character takes up to 12 in JSON."""


class EventPosition(NamedTuple):
    """Where an event is: its number in the log; for an event of a call, the one before it and its own number after it.

    As a text, `3` or `3.1`, it is the event's id in a stream.
    """

    seq: int
    number: int = 0

    def __str__(self) -> str:
        """Format the position as an event id."""
        return f"{self.seq}.{self.number}" if self.number else str(self.seq)


@dataclass(frozen=True, slots=True)
class PromptEvent:
    """A row of `prompt_events`, or one of `prompt_call_events`, with a number. The keys of `data` keep their order."""

    seq: int
    event: PromptEventType | CallEventType
    data: dict[str, Any]
    number: int = 0

    @property
    def position(self) -> EventPosition:
        """Where the event is."""
        return EventPosition(self.seq, self.number)


def append(connection: Connection, prompt_id: str, event_type: PromptEventType, data: Mapping[str, object]) -> None:
    """Append an event. The commit notifies the subscribers.

    The prompt's row must be locked, or two writers would use the same number.

    Raises:
        ValueError: `data` has numbers that JSON does not have.
    """
    row = connection.execute(
        "INSERT INTO prompt_events (prompt_id, seq, event, data)"
        " SELECT %(id)s, coalesce(max(seq), 0) + 1, %(event)s, %(data)s FROM prompt_events WHERE prompt_id = %(id)s"
        " RETURNING seq",
        {"id": prompt_id, "event": event_type, "data": to_json(dict(data))},
    ).fetchone()
    assert row is not None
    if row["seq"] > 1:
        # Nobody can know a prompt before its first event, and a notification wakes every listening backend.
        connection.execute("SELECT pg_notify(%s, %s)", (prompt_id, json.dumps({"seq": row["seq"]})))


def list_after(connection: Connection, prompt_id: str, user_id: str, seq: int) -> list[PromptEvent] | None:
    """Return the events of the user's prompt after number `seq`; None if the user has no such prompt.

    One statement, because every stream polls with it.
    """
    if not is_prompt_id(prompt_id):
        return None
    rows = connection.execute(
        "SELECT e.seq, e.event, e.data FROM prompts p LEFT JOIN prompt_events e ON e.prompt_id = p.id AND e.seq > %s"
        " WHERE p.id = %s AND p.user_id = %s ORDER BY e.seq",
        (seq, prompt_id, user_id),
    ).fetchall()
    return [PromptEvent(**row) for row in rows if row["seq"] is not None] if rows else None


def list_outputs(connection: Connection, prompt_id: str) -> list[dict[str, Any]]:
    """Return the data of all output events, in order."""
    rows = connection.execute(
        "SELECT data FROM prompt_events WHERE prompt_id = %s AND event = 'prompt.output' ORDER BY seq", (prompt_id,)
    ).fetchall()
    return [row["data"] for row in rows]


def notify_text_delta(connection: Connection, prompt_id: str, owner: str, text: str | None) -> None:
    """Notify the present subscribers of a text delta, in pieces if it is long.

    Does nothing if `owner` does not own the prompt any more.

    Args:
        connection: The connection of the transaction.
        prompt_id: The prompt.
        owner: The attempt that sends it.
        text: The delta; None or an empty text discards the deltas since the last event.
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

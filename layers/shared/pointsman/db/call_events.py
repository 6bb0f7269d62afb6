"""The table `prompt_call_events`: what happens to tool calls between two events of the log.

Streams send them to clients that request them. A call event has the number of the event that it follows, and from 1 on
its own number after that one, so the events of the log are numbered as if there were no others. It is announced on the
prompt's channel (`prompt_events`):

    {"seq": 3, "number": 1}      the call events up to the first one after event number 3 are committed
"""

import json
from collections.abc import Mapping

from .connection import Connection
from .prompt_events import CallEventType, EventPosition, PromptEvent
from .rows import to_json
from .user_prompts import is_prompt_id

__all__ = ["append", "list_all_after"]


def append(connection: Connection, prompt_id: str, event_type: CallEventType, data: Mapping[str, object]) -> None:
    """Append an event after the log's last one. The commit notifies the subscribers.

    The prompt's row must be locked, or two writers would use the same number.
    """
    row = connection.execute(
        "INSERT INTO prompt_call_events (prompt_id, seq, number, event, data)"
        " SELECT %(id)s, log.seq, coalesce((SELECT max(number) FROM prompt_call_events c"
        "   WHERE c.prompt_id = %(id)s AND c.seq = log.seq), 0) + 1, %(event)s, %(data)s"
        " FROM (SELECT coalesce(max(seq), 0) AS seq FROM prompt_events WHERE prompt_id = %(id)s) log"
        " RETURNING seq, number",
        {"id": prompt_id, "event": event_type, "data": to_json(dict(data))},
    ).fetchone()
    assert row is not None
    connection.execute("SELECT pg_notify(%s, %s)", (prompt_id, json.dumps(row)))


def list_all_after(
    connection: Connection, prompt_id: str, user_id: str, position: EventPosition
) -> list[PromptEvent] | None:
    """Return the events of the log and those of calls after a position; None if the user has no such prompt."""
    if not is_prompt_id(prompt_id):
        return None
    rows = connection.execute(
        "SELECT e.* FROM prompts p LEFT JOIN LATERAL ("
        "  SELECT seq, 0 AS number, event, data FROM prompt_events WHERE prompt_id = p.id AND seq > %(seq)s"
        "  UNION ALL SELECT seq, number, event, data FROM prompt_call_events"
        "   WHERE prompt_id = p.id AND (seq, number) > (%(seq)s, %(number)s)) e ON true"
        " WHERE p.id = %(id)s AND p.user_id = %(user)s ORDER BY e.seq, e.number",
        {"id": prompt_id, "user": user_id, "seq": position.seq, "number": position.number},
    ).fetchall()
    return [PromptEvent(**row) for row in rows if row["seq"] is not None] if rows else None

"""The table `prompt_calls`: each call of a tool that the model has asked for, and what has become of it.

asked ─▶ running ─▶ done          `running` is committed before the tool is called, so a call that is found running
  │         ▲         ▲           by another attempt was cut off, and nobody knows whether it has happened
  ▼         │         │
waiting ─▶ approved   │
  ├──────▶ rejected ──┤
  └──────▶ expired ───┘
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from .connection import Connection
from .rows import fetch_one, to_json

__all__ = [
    "ToolCall",
    "ToolCallState",
    "find_next_open",
    "find_waiting",
    "has_decision",
    "insert",
    "mark_done",
    "mark_expired",
    "mark_running",
    "mark_waiting",
    "record_decision",
]

ToolCallState = Literal["asked", "waiting", "approved", "rejected", "expired", "running", "done"]

_COLUMNS = (
    "prompt_id, turn, position, asked, state, shown, digest, expires_at, note, decision, started_at,"
    " coalesce(greatest(extract(epoch FROM expires_at - clock_timestamp()), 0), 0)::float8 AS seconds_left"
)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`asked` is `{"id", "name", "arguments"}` as the model said it; `name` is a tool's id where there is such a tool.

    `shown` is `{"toolName", "input", "reason"}`, what a person must decide about, and `note` why it was rejected.
    """

    prompt_id: str
    turn: int
    position: int
    asked: dict[str, str]
    state: ToolCallState
    shown: dict[str, Any] | None
    digest: str | None
    expires_at: datetime | None
    note: str | None
    decision: str | None
    started_at: datetime | None
    seconds_left: float

    @property
    def id(self) -> str:
        return self.asked["id"]


def insert(connection: Connection, prompt_id: str, turn: int, position: int, call_request: dict[str, str]) -> None:
    connection.execute(
        "INSERT INTO prompt_calls (prompt_id, turn, position, asked) VALUES (%s, %s, %s, %s)",
        (prompt_id, turn, position, to_json(call_request)),
    )


def find_next_open(connection: Connection, prompt_id: str) -> ToolCall | None:
    """The first call, in the model's order, that the model has no result of."""
    return fetch_one(
        connection,
        ToolCall,
        f"SELECT {_COLUMNS} FROM prompt_calls WHERE prompt_id = %s AND state <> 'done' ORDER BY turn, position LIMIT 1",
        (prompt_id,),
    )


def find_waiting(connection: Connection, prompt_id: str) -> ToolCall | None:
    """The call that waits for a person; there is one at most."""
    return fetch_one(
        connection,
        ToolCall,
        f"SELECT {_COLUMNS} FROM prompt_calls WHERE prompt_id = %s AND state = 'waiting'",
        (prompt_id,),
    )


def mark_waiting(
    connection: Connection, call: ToolCall, approval_request: dict[str, object], digest: str, expires_in_seconds: float
) -> None:
    """Let it wait for a person, for so long."""
    connection.execute(
        "UPDATE prompt_calls SET state = 'waiting', shown = %s, digest = %s,"
        " expires_at = clock_timestamp() + make_interval(secs => %s)"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND state = 'asked'",
        (to_json(approval_request), digest, expires_in_seconds, call.prompt_id, call.turn, call.position),
    )


def record_decision(
    connection: Connection, call: ToolCall, is_approved: bool, reason: str | None, decision_id: str
) -> bool:
    """A person's decision. False where it does not wait any more, or has expired.

    `decision` is the decision's own id, by which it is known again.
    """
    cursor = connection.execute(
        "UPDATE prompt_calls SET state = %s, note = %s, decision = %s, decided_at = clock_timestamp()"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND digest = %s"
        " AND state = 'waiting' AND expires_at > clock_timestamp()",
        (
            "approved" if is_approved else "rejected", None if reason is None else to_json(reason), decision_id,
            call.prompt_id, call.turn, call.position, call.digest,
        ),
    )  # fmt: skip
    return cursor.rowcount == 1


def has_decision(connection: Connection, prompt_id: str, decision_id: str) -> bool:
    """Whether this decision has been taken."""
    query = "SELECT FROM prompt_calls WHERE prompt_id = %s AND decision = %s"
    return connection.execute(query, (prompt_id, decision_id)).rowcount == 1


def mark_expired(connection: Connection, call: ToolCall) -> None:
    connection.execute(
        "UPDATE prompt_calls SET state = 'expired' WHERE prompt_id = %s AND turn = %s AND position = %s"
        " AND state = 'waiting'",
        (call.prompt_id, call.turn, call.position),
    )


def mark_running(connection: Connection, call: ToolCall) -> None:
    """Write down that the tool is about to be called."""
    connection.execute(
        "UPDATE prompt_calls SET state = 'running', started_at = clock_timestamp()"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND state = %s",
        (call.prompt_id, call.turn, call.position, call.state),
    )


def mark_done(connection: Connection, call: ToolCall) -> None:
    connection.execute(
        "UPDATE prompt_calls SET state = 'done', ended_at = clock_timestamp()"
        " WHERE prompt_id = %s AND turn = %s AND position = %s",
        (call.prompt_id, call.turn, call.position),
    )

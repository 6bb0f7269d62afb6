"""The table `prompt_calls`: each call of a tool that the model has asked for, and what has become of it.

asked ─▶ running ─▶ done          `running` is committed before the tool is called, so a call that is found running
  │         ▲         ▲           by another attempt was cut off, and nobody knows whether it has happened
  ▼         │         │
waiting ─▶ approved   │
  ├──────▶ rejected ──┤
  └──────▶ expired ───┘
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from psycopg.types.json import Json

from .connection import Connection

__all__ = [
    "Call",
    "CallState",
    "add",
    "decide",
    "done",
    "expire",
    "is_decided",
    "next_open",
    "start",
    "wait",
    "waiting",
]

CallState = Literal["asked", "waiting", "approved", "rejected", "expired", "running", "done"]

_dumps = partial(json.dumps, allow_nan=False)
_COLUMNS = (
    "prompt_id, turn, position, asked, state, shown, digest, expires_at, note, decision, started_at,"
    " coalesce(greatest(extract(epoch FROM expires_at - clock_timestamp()), 0), 0)::float8 AS seconds_left"
)


@dataclass(frozen=True, slots=True)
class Call:
    """`asked` is `{"id", "name", "arguments"}` as the model said it; `name` is a tool's id where there is such a tool.

    `shown` is `{"toolName", "input", "reason"}`, what a person must decide about, and `note` why it was rejected.
    """

    prompt_id: str
    turn: int
    position: int
    asked: dict[str, str]
    state: CallState
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


def add(connection: Connection, prompt_id: str, turn: int, position: int, asked: dict[str, str]) -> None:
    connection.execute(
        "INSERT INTO prompt_calls (prompt_id, turn, position, asked) VALUES (%s, %s, %s, %s)",
        (prompt_id, turn, position, Json(asked)),
    )


def next_open(connection: Connection, prompt_id: str) -> Call | None:
    """The first call, in the model's order, that the model has no result of."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM prompt_calls WHERE prompt_id = %s AND state <> 'done' ORDER BY turn, position LIMIT 1",
        (prompt_id,),
    ).fetchone()
    return Call(**row) if row else None


def waiting(connection: Connection, prompt_id: str) -> Call | None:
    """The call that waits for a person; there is one at most."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM prompt_calls WHERE prompt_id = %s AND state = 'waiting'", (prompt_id,)
    ).fetchone()
    return Call(**row) if row else None


def wait(connection: Connection, call: Call, shown: dict[str, object], digest: str, seconds: float) -> None:
    """Let it wait for a person, for so long."""
    connection.execute(
        "UPDATE prompt_calls SET state = 'waiting', shown = %s, digest = %s,"
        " expires_at = clock_timestamp() + make_interval(secs => %s)"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND state = 'asked'",
        (Json(shown, dumps=_dumps), digest, seconds, call.prompt_id, call.turn, call.position),
    )


def decide(connection: Connection, call: Call, approve: bool, note: str | None, decision: str) -> bool:
    """A person's decision. False where it does not wait any more, or has expired.

    `decision` is the decision's own id, by which it is known again.
    """
    cursor = connection.execute(
        "UPDATE prompt_calls SET state = %s, note = %s, decision = %s, decided_at = clock_timestamp()"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND digest = %s"
        " AND state = 'waiting' AND expires_at > clock_timestamp()",
        (
            "approved" if approve else "rejected", None if note is None else Json(note), decision,
            call.prompt_id, call.turn, call.position, call.digest,
        ),
    )  # fmt: skip
    return cursor.rowcount == 1


def is_decided(connection: Connection, prompt_id: str, decision: str) -> bool:
    """Whether this decision has been taken."""
    query = "SELECT FROM prompt_calls WHERE prompt_id = %s AND decision = %s"
    return connection.execute(query, (prompt_id, decision)).rowcount == 1


def expire(connection: Connection, call: Call) -> None:
    connection.execute(
        "UPDATE prompt_calls SET state = 'expired' WHERE prompt_id = %s AND turn = %s AND position = %s"
        " AND state = 'waiting'",
        (call.prompt_id, call.turn, call.position),
    )


def start(connection: Connection, call: Call) -> None:
    """Write down that the tool is about to be called."""
    connection.execute(
        "UPDATE prompt_calls SET state = 'running', started_at = clock_timestamp()"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND state = %s",
        (call.prompt_id, call.turn, call.position, call.state),
    )


def done(connection: Connection, call: Call) -> None:
    connection.execute(
        "UPDATE prompt_calls SET state = 'done', ended_at = clock_timestamp()"
        " WHERE prompt_id = %s AND turn = %s AND position = %s",
        (call.prompt_id, call.turn, call.position),
    )

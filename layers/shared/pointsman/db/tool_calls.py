"""The table `prompt_calls`: the tool calls of the model's turns, and their states.

asked ─▶ running ─▶ done          `running` is committed before the tool runs. So a call that another attempt finds
  │         ▲         ▲           running was interrupted, and its outcome is unknown.
  ▼         │         │
waiting ─▶ approved   │
  ├──────▶ rejected ──┤
  └──────▶ expired ───┘
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

from ..settings.permissions import ApproverRule
from .connection import Connection
from .rows import fetch_all, fetch_one, to_json

__all__ = [
    "CallSecret",
    "PendingApproval",
    "PendingApprovals",
    "ToolCall",
    "ToolCallState",
    "erase_secrets",
    "find_next_open",
    "find_waiting",
    "has_decision",
    "insert",
    "list_decidable",
    "mark_done",
    "mark_expired",
    "mark_running",
    "mark_waiting",
    "measure_pending_approvals",
    "record_decision",
]

ToolCallState = Literal["asked", "waiting", "approved", "rejected", "expired", "running", "done"]

_COLUMNS = (
    "prompt_id, turn, position, asked, state, shown, digest, expires_at, note, decision, started_at, approver,"
    " required_permission,"
    " coalesce(greatest(extract(epoch FROM expires_at - clock_timestamp()), 0), 0)::float8 AS seconds_left"
)


class CallSecret(TypedDict):
    """The exact arguments of a call with secrets, and a random salt for the digest of its input."""

    arguments: str
    salt: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A row of `prompt_calls`.

    Attributes:
        asked: `{"id", "name", "arguments"}` of the model; `name` is a tool's id if there is such a tool. Secrets in
            the arguments are masked.
        shown: The approval request, `{"toolName", "input", "reason"}`.
        digest: The hash of what was shown, so that a decision cannot be about something else.
        note: The reason of a rejection.
        decision: The id of the decision, for its idempotency.
        approver: Who decides: the prompt's user (`self`), or somebody else (`other`) with `required_permission`.
        required_permission: The permission that the tool requires; empty for none.
        seconds_left: The seconds until the approval expires, 0 without one.
        secret: The exact arguments if those of `asked` are masked; None too once the call runs or will not, and in
            what only describes a call.
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
    approver: ApproverRule
    required_permission: str
    seconds_left: float
    secret: CallSecret | None = field(default=None, repr=False)

    @property
    def arguments(self) -> str:
        """The exact arguments as the model wrote them, as long as they are kept."""
        return self.secret["arguments"] if self.secret else self.asked["arguments"]

    @property
    def id(self) -> str:
        """The model's id of the call."""
        return self.asked["id"]


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A call that waits for a decision, and whose prompt it is."""

    prompt_id: str
    user_id: str
    asked: dict[str, str]
    shown: dict[str, Any]
    approver: ApproverRule
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PendingApprovals:
    """How many approvals are pending, and for how many seconds the oldest has been, 0 without one."""

    count: int
    oldest_seconds: float


def insert(
    connection: Connection,
    prompt_id: str,
    turn: int,
    position: int,
    call_request: dict[str, str],
    secret: CallSecret | None = None,
) -> None:
    """Insert a call.

    Args:
        connection: The connection of the transaction.
        prompt_id: The prompt.
        turn: The model's turn.
        position: The call's index in the turn.
        call_request: `{"id", "name", "arguments"}`, with secrets masked.
        secret: The exact arguments if they are masked. They are erased before the call runs, or when it will not.
    """
    connection.execute(
        "INSERT INTO prompt_calls (prompt_id, turn, position, asked, secret) VALUES (%s, %s, %s, %s, %s)",
        (prompt_id, turn, position, to_json(call_request), None if secret is None else to_json(secret)),
    )


def find_next_open(connection: Connection, prompt_id: str) -> ToolCall | None:
    """Return the first call, in the model's order, that is not done."""
    return fetch_one(
        connection,
        ToolCall,
        f"SELECT {_COLUMNS}, secret FROM prompt_calls WHERE prompt_id = %s AND state <> 'done'"
        " ORDER BY turn, position LIMIT 1",
        (prompt_id,),
    )


def find_waiting(connection: Connection, prompt_id: str) -> ToolCall | None:
    """Return the call that waits for an approval; there is one at most (a unique index)."""
    return fetch_one(
        connection,
        ToolCall,
        f"SELECT {_COLUMNS}, secret FROM prompt_calls WHERE prompt_id = %s AND state = 'waiting'",
        (prompt_id,),
    )


def list_decidable(
    connection: Connection, user_id: str, permissions: Iterable[str], after: tuple[datetime, str] | None, limit: int
) -> list[PendingApproval]:
    """Return the calls that this user may decide about: those that expire first, first.

    Args:
        connection: The connection of the transaction.
        user_id: Decides about the user's own prompts, and about those of others where the call's approver is `other`.
        permissions: What the user may do.
        after: `expires_at` and prompt id of the last call of the page before; None for the first page.
        limit: The most calls to return.
    """
    return fetch_all(
        connection,
        PendingApproval,
        "SELECT c.prompt_id, p.user_id, c.asked, c.shown, c.approver, c.expires_at"
        " FROM prompt_calls c JOIN prompts p ON p.id = c.prompt_id AND p.status = 'waiting'"
        " WHERE c.state = 'waiting' AND c.expires_at > clock_timestamp() AND CASE c.approver"
        "  WHEN 'self' THEN p.user_id = %(user)s"
        "  ELSE p.user_id <> %(user)s AND (c.required_permission = ANY(%(held)s) OR '*' = ANY(%(held)s)"
        "   OR split_part(c.required_permission, ':', 1) || ':*' = ANY(%(held)s)) END"
        " AND (%(after)s::timestamptz IS NULL OR (c.expires_at, c.prompt_id) > (%(after)s, %(after_id)s))"
        " ORDER BY c.expires_at, c.prompt_id LIMIT %(limit)s",
        {
            "user": user_id, "held": list(permissions), "after": after and after[0], "after_id": after and after[1],
            "limit": limit,
        },
    )  # fmt: skip


def measure_pending_approvals(connection: Connection) -> PendingApprovals:
    """Count the pending approvals of all prompts, and measure how long the oldest has been pending."""
    # A waiting prompt's `updated_at` is when its wait began; see prompt_runs.claim.
    pending = fetch_one(
        connection,
        PendingApprovals,
        "SELECT count(*) AS count,"
        " coalesce(max(extract(epoch FROM clock_timestamp() - p.updated_at)), 0)::float8 AS oldest_seconds"
        " FROM prompt_calls c JOIN prompts p ON p.id = c.prompt_id"
        " WHERE c.state = 'waiting' AND p.status = 'waiting'",
    )
    assert pending is not None
    return pending


def mark_waiting(
    connection: Connection,
    call: ToolCall,
    approval_request: dict[str, object],
    digest: str,
    expires_in_seconds: float,
    approver: ApproverRule,
    required_permission: str,
) -> None:
    """Let the call wait for an approval."""
    connection.execute(
        "UPDATE prompt_calls SET state = 'waiting', shown = %s, digest = %s, approver = %s, required_permission = %s,"
        " expires_at = clock_timestamp() + make_interval(secs => %s)"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND state = 'asked'",
        (
            to_json(approval_request), digest, approver, required_permission, expires_in_seconds,
            call.prompt_id, call.turn, call.position,
        ),
    )  # fmt: skip


def record_decision(
    connection: Connection, call: ToolCall, user_id: str, is_approved: bool, reason: str | None, decision_id: str
) -> bool:
    """Approve or reject the call; False if it is not waiting for this approval any more, or the approval has expired.

    `user_id` is who decides. `decision_id` identifies the decision when its request is repeated.
    """
    cursor = connection.execute(
        "UPDATE prompt_calls SET state = %s, note = %s, decision = %s, decided_by = %s, decided_at = clock_timestamp(),"
        " secret = CASE WHEN %s THEN secret END"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND digest = %s"
        " AND state = 'waiting' AND expires_at > clock_timestamp()",
        (
            "approved" if is_approved else "rejected", None if reason is None else to_json(reason), decision_id,
            user_id, is_approved, call.prompt_id, call.turn, call.position, call.digest,
        ),
    )  # fmt: skip
    return cursor.rowcount == 1


def has_decision(connection: Connection, prompt_id: str, decision_id: str) -> bool:
    """Return whether this decision has been recorded."""
    query = "SELECT FROM prompt_calls WHERE prompt_id = %s AND decision = %s"
    return connection.execute(query, (prompt_id, decision_id)).rowcount == 1


def mark_expired(connection: Connection, call: ToolCall) -> None:
    """Mark the approval of a waiting call as expired."""
    connection.execute(
        "UPDATE prompt_calls SET state = 'expired', secret = NULL WHERE prompt_id = %s AND turn = %s AND position = %s"
        " AND state = 'waiting'",
        (call.prompt_id, call.turn, call.position),
    )


def mark_running(connection: Connection, call: ToolCall) -> None:
    """Mark the call as running, before the tool is called. Its secrets are erased: it never runs again."""
    connection.execute(
        "UPDATE prompt_calls SET state = 'running', started_at = clock_timestamp(), secret = NULL"
        " WHERE prompt_id = %s AND turn = %s AND position = %s AND state = %s",
        (call.prompt_id, call.turn, call.position, call.state),
    )


def mark_done(connection: Connection, call: ToolCall) -> None:
    """Mark the call as done: its result is in the history."""
    connection.execute(
        "UPDATE prompt_calls SET state = 'done', ended_at = clock_timestamp(), secret = NULL"
        " WHERE prompt_id = %s AND turn = %s AND position = %s",
        (call.prompt_id, call.turn, call.position),
    )


def erase_secrets(connection: Connection, prompt_id: str) -> None:
    """Erase the secrets of all calls of a prompt that has ended."""
    connection.execute(
        "UPDATE prompt_calls SET secret = NULL WHERE prompt_id = %s AND secret IS NOT NULL", (prompt_id,)
    )

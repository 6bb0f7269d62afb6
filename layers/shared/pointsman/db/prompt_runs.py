"""The table `prompts` for those who work on them: who holds a prompt, and how far it is.

Whoever ends a prompt, or begins one, locks its conversation first and the prompt then; a conversation that is deleted
comes in the same order.
"""

from dataclasses import dataclass, field
from typing import Any

from .connection import Connection
from .rows import fetch_all, fetch_one, to_json
from .user_prompts import PromptStatus

__all__ = [
    "ACTIVE_STATUSES",
    "KeyedPrompt",
    "PromptExecution",
    "PromptRun",
    "claim",
    "clear_task_token",
    "find_by_idempotency_key",
    "get",
    "get_execution",
    "insert",
    "is_past_deadline",
    "list_stalled",
    "lock_conversation",
    "lock_for_update",
    "release_idempotency_key",
    "restart",
    "save",
    "store_task_token",
    "touch_conversation",
]

ACTIVE_STATUSES: tuple[PromptStatus, ...] = ("running", "waiting")

_COLUMNS = (
    "id, user_id, conversation_id, input, model, tokens, status, owner, writes, restarts, turns, output_bytes,"
    " usage_input, usage_output, usage_total, state, error"
)


@dataclass(frozen=True, slots=True)
class PromptRun:
    """A prompt as it is worked on.

    `owner` is the attempt that may write, `writes` counts what owners have written, `restarts` the executions after the
    first. `state` is what tools keep from call to call. `model` is `normal` or `high`.
    """

    id: str
    user_id: str
    conversation_id: str | None
    input: str
    model: str
    tokens: bool
    status: PromptStatus
    owner: str | None
    writes: int
    restarts: int
    turns: int
    output_bytes: int
    usage_input: int
    usage_output: int
    usage_total: int
    state: dict[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class KeyedPrompt:
    """What a key began. `fingerprint` is of the request."""

    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PromptExecution:
    """What it takes to wake a prompt's execution up."""

    id: str
    status: PromptStatus
    restarts: int
    task_token: str | None = field(repr=False)


def insert(
    connection: Connection,
    prompt_id: str,
    user_id: str,
    text: str,
    *,
    model: str,
    tokens: bool,
    conversation_id: str | None,
    idempotency_key: str | None,
    fingerprint: str,
    max_seconds: float,
) -> bool:
    """Write a new prompt. False where its id or key is there already, or its conversation is at work.

    The tools' state is the one that the conversation's last prompt has left.
    """
    cursor = connection.execute(
        "INSERT INTO prompts (id, user_id, input, model, tokens, conversation_id, key, fingerprint, created_at,"
        "  updated_at, deadline, state)"
        " SELECT %(id)s, %(user)s, %(input)s, %(model)s, %(tokens)s, %(conversation)s, %(key)s, %(fingerprint)s,"
        "  n.moment, n.moment, n.moment + make_interval(secs => %(seconds)s),"
        "  coalesce((SELECT state FROM prompts WHERE conversation_id = %(conversation)s"
        "            ORDER BY created_at DESC, id DESC LIMIT 1), '{}')"
        " FROM (SELECT clock_timestamp() AS moment) n ON CONFLICT DO NOTHING",
        {
            "id": prompt_id, "user": user_id, "input": text, "model": model, "tokens": tokens,
            "conversation": conversation_id, "key": idempotency_key, "fingerprint": fingerprint, "seconds": max_seconds,
        },
    )  # fmt: skip
    return cursor.rowcount == 1


def get(connection: Connection, prompt_id: str) -> PromptRun | None:
    return fetch_one(connection, PromptRun, f"SELECT {_COLUMNS} FROM prompts WHERE id = %s", (prompt_id,))


def find_by_idempotency_key(connection: Connection, user_id: str, idempotency_key: str) -> KeyedPrompt | None:
    """The user's prompt that was begun with this idempotency key."""
    query = "SELECT id, fingerprint FROM prompts WHERE user_id = %s AND key = %s"
    return fetch_one(connection, KeyedPrompt, query, (user_id, idempotency_key))


def claim(connection: Connection, prompt_id: str, restarts: int, owner: str) -> PromptRun | None:
    """Take the prompt over for this execution, whoever held it. None if it has ended, or is a later execution's.

    While it waits, `updated_at` stays the moment since when it does.
    """
    return fetch_one(
        connection,
        PromptRun,
        "UPDATE prompts SET owner = %s, task_token = NULL,"
        " updated_at = CASE WHEN status = 'running' THEN clock_timestamp() ELSE updated_at END"
        f" WHERE id = %s AND restarts = %s AND status = ANY(%s) RETURNING {_COLUMNS}",
        (owner, prompt_id, restarts, list(ACTIVE_STATUSES)),
    )


def lock_for_update(connection: Connection, prompt_id: str) -> PromptRun | None:
    """The prompt, which nobody else writes until the transaction ends."""
    return fetch_one(connection, PromptRun, f"SELECT {_COLUMNS} FROM prompts WHERE id = %s FOR UPDATE", (prompt_id,))


def save(connection: Connection, run: PromptRun, extend_deadline: bool = False) -> None:
    """Write how far the prompt is, and with what it has ended. `waited` gives back the time since its last change.

    Raises ValueError for a state with numbers that JSON has not.
    """
    connection.execute(
        "UPDATE prompts SET status = %(status)s, writes = %(writes)s, turns = %(turns)s, state = %(state)s,"
        " output_bytes = %(bytes)s, usage_input = %(input)s, usage_output = %(output)s, usage_total = %(total)s,"
        " error = %(error)s, updated_at = clock_timestamp(),"
        " deadline = CASE WHEN %(waited)s THEN deadline + (clock_timestamp() - updated_at) ELSE deadline END,"
        " owner = CASE WHEN %(ended)s THEN NULL ELSE owner END,"
        " ended_at = CASE WHEN %(ended)s THEN clock_timestamp() END"
        " WHERE id = %(id)s",
        {
            "id": run.id, "status": run.status, "writes": run.writes, "turns": run.turns,
            "state": to_json(run.state), "bytes": run.output_bytes, "input": run.usage_input,
            "output": run.usage_output, "total": run.usage_total,
            "error": None if run.error is None else to_json(run.error), "waited": extend_deadline,
            "ended": run.status not in ACTIVE_STATUSES,
        },
    )  # fmt: skip


def lock_conversation(connection: Connection, prompt_id: str) -> None:
    """Lock the prompt's conversation, before the prompt itself."""
    connection.execute(
        "SELECT FROM conversations WHERE id = (SELECT conversation_id FROM prompts WHERE id = %s) FOR UPDATE",
        (prompt_id,),
    )


def touch_conversation(connection: Connection, conversation_id: str, title: str | None = None) -> None:
    """The conversation has been used; the first `title` is its."""
    connection.execute(
        "UPDATE conversations SET updated_at = clock_timestamp(), title = coalesce(title, %s) WHERE id = %s",
        (title, conversation_id),
    )


def is_past_deadline(connection: Connection, prompt_id: str) -> bool:
    row = connection.execute("SELECT deadline < clock_timestamp() AS late FROM prompts WHERE id = %s", (prompt_id,))
    return bool((row.fetchone() or {}).get("late"))


def store_task_token(connection: Connection, prompt_id: str, task_token: str) -> None:
    connection.execute("UPDATE prompts SET task_token = %s WHERE id = %s", (task_token, prompt_id))


def clear_task_token(connection: Connection, prompt_id: str, task_token: str) -> None:
    connection.execute(
        "UPDATE prompts SET task_token = NULL WHERE id = %s AND task_token = %s", (prompt_id, task_token)
    )


def release_idempotency_key(connection: Connection, prompt_id: str) -> None:
    """Let the prompt's idempotency key be used again."""
    connection.execute("UPDATE prompts SET key = NULL WHERE id = %s", (prompt_id,))


def get_execution(connection: Connection, prompt_id: str) -> PromptExecution | None:
    return fetch_one(
        connection, PromptExecution, "SELECT id, status, restarts, task_token FROM prompts WHERE id = %s", (prompt_id,)
    )


def list_stalled(connection: Connection, idle_seconds: float, prompt_id: str | None = None) -> list[PromptExecution]:
    """Prompts that should be worked on, and of which nothing was heard for so long; the longest silent first.

    One that waits should be worked on when its approval has expired. With `prompt_id` only this one.
    """
    return fetch_all(
        connection,
        PromptExecution,
        "SELECT p.id, p.status, p.restarts, p.task_token FROM prompts p"
        " WHERE p.status = ANY(%(at_work)s) AND p.updated_at <= clock_timestamp() - make_interval(secs => %(seconds)s)"
        " AND (p.status = 'running' OR EXISTS (SELECT FROM prompt_calls c WHERE c.prompt_id = p.id"
        "  AND c.state = 'waiting' AND c.expires_at <= clock_timestamp() - make_interval(secs => %(seconds)s)))"
        " AND (%(id)s::text IS NULL OR p.id = %(id)s) ORDER BY p.updated_at",
        {"at_work": list(ACTIVE_STATUSES), "seconds": idle_seconds, "id": prompt_id},
    )


def restart(connection: Connection, expected: PromptExecution) -> PromptExecution | None:
    """Let another execution go on with it. None if it is not as it was seen any more.

    Whoever still works on it for the old one may write no more, and the time since its last change is given back.
    """
    return fetch_one(
        connection,
        PromptExecution,
        "UPDATE prompts SET restarts = restarts + 1, owner = NULL, task_token = NULL,"
        " deadline = CASE WHEN status = 'running' THEN deadline + (clock_timestamp() - updated_at) ELSE deadline END,"
        " updated_at = CASE WHEN status = 'running' THEN clock_timestamp() ELSE updated_at END"
        " WHERE id = %s AND restarts = %s AND status = ANY(%s) RETURNING id, status, restarts, task_token",
        (expected.id, expected.restarts, list(ACTIVE_STATUSES)),
    )

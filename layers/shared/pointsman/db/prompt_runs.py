"""The table `prompts` as its workers use it: ownership, progress and executions. `user_prompts` has the user's view.

Lock order: a transaction that inserts or ends a prompt locks the conversation first, then the prompt. Deleting a
conversation locks in the same order.
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
    "get_seconds_left",
    "insert",
    "is_owned_by",
    "list_stalled",
    "lock_conversation",
    "lock_for_update",
    "release_idempotency_key",
    "restart",
    "save",
    "set_permissions",
    "store_task_token",
    "touch_conversation",
]

ACTIVE_STATUSES: tuple[PromptStatus, ...] = ("running", "waiting")
"""The statuses of prompts that have not ended."""

_COLUMNS = (
    "id, user_id, conversation_id, input, model, tokens, status, owner, writes, restarts, turns, output_bytes,"
    " usage_input, usage_output, usage_total, state, error, permissions, is_direct"
)


@dataclass(frozen=True, slots=True)
class PromptRun:
    """A row of `prompts`, with the columns that its worker needs.

    Attributes:
        model: `normal` or `high`.
        tokens: Whether text deltas are sent.
        owner: The attempt that may write, a fencing token (docs/decisions/0011). None if nobody owns it.
        writes: The version: the number of writes by owners.
        restarts: The number of executions after the first.
        turns: The number of model turns so far.
        output_bytes: The size of all outputs so far, as JSON.
        state: What the tools keep from call to call.
        permissions: What the user may do, with blanks between.
        is_direct: Whether it is one tool call that a client asked for, without a model.
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
    permissions: str
    is_direct: bool = False


@dataclass(frozen=True, slots=True)
class KeyedPrompt:
    """The prompt of an idempotency key. `fingerprint` is the hash of its request."""

    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PromptExecution:
    """What is needed to wake a prompt's execution. `task_token` is None unless the execution waits for it."""

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
    permissions: str,
    is_direct: bool = False,
) -> bool:
    """Insert a running prompt, with the tools' state of the conversation's last prompt.

    Args:
        connection: The connection of the transaction.
        prompt_id: The new prompt's id.
        user_id: Its user.
        text: The user's input.
        model: `normal` or `high`.
        tokens: Whether text deltas are sent.
        conversation_id: Its conversation, None for none.
        idempotency_key: Unique for the user, None for none.
        fingerprint: The hash of the request.
        max_seconds: The time until its deadline.
        permissions: What the user may do, with blanks between.
        is_direct: Whether it is one tool call, without a model.

    Returns:
        False if the id or the key exists, or the conversation has an active prompt.
    """
    cursor = connection.execute(
        "INSERT INTO prompts (id, user_id, input, model, tokens, conversation_id, key, fingerprint, created_at,"
        "  updated_at, deadline, permissions, is_direct, state)"
        " SELECT %(id)s, %(user)s, %(input)s, %(model)s, %(tokens)s, %(conversation)s, %(key)s, %(fingerprint)s,"
        "  n.moment, n.moment, n.moment + make_interval(secs => %(seconds)s), %(permissions)s, %(direct)s,"
        "  coalesce((SELECT state FROM prompts WHERE conversation_id = %(conversation)s"
        "            ORDER BY created_at DESC, id DESC LIMIT 1), '{}')"
        " FROM (SELECT clock_timestamp() AS moment) n ON CONFLICT DO NOTHING",
        {
            "id": prompt_id, "user": user_id, "input": text, "model": model, "tokens": tokens,
            "conversation": conversation_id, "key": idempotency_key, "fingerprint": fingerprint, "seconds": max_seconds,
            "permissions": permissions, "direct": is_direct,
        },
    )  # fmt: skip
    return cursor.rowcount == 1


def get(connection: Connection, prompt_id: str) -> PromptRun | None:
    """Return the prompt; None if it is unknown."""
    return fetch_one(connection, PromptRun, f"SELECT {_COLUMNS} FROM prompts WHERE id = %s", (prompt_id,))


def find_by_idempotency_key(connection: Connection, user_id: str, idempotency_key: str) -> KeyedPrompt | None:
    """Return the user's prompt with this idempotency key."""
    query = "SELECT id, fingerprint FROM prompts WHERE user_id = %s AND key = %s"
    return fetch_one(connection, KeyedPrompt, query, (user_id, idempotency_key))


def claim(connection: Connection, prompt_id: str, restarts: int, owner: str) -> PromptRun | None:
    """Make this attempt the owner of the prompt, in place of any earlier one.

    `updated_at` of a waiting prompt stays the start of the wait: `save` needs it to extend the deadline.

    Returns:
        The prompt, or None if it has ended or belongs to a later execution.
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
    """Return the prompt and lock it until the transaction ends."""
    return fetch_one(connection, PromptRun, f"SELECT {_COLUMNS} FROM prompts WHERE id = %s FOR UPDATE", (prompt_id,))


def save(connection: Connection, run: PromptRun, extend_deadline: bool = False) -> None:
    """Store the prompt's status, progress, usage and error. One that has ended loses its owner.

    Args:
        connection: The connection of the transaction.
        run: The new values.
        extend_deadline: Whether to add the time since the last write to the deadline, because the prompt was waiting.

    Raises:
        ValueError: The tools' state has numbers that JSON does not have.
    """
    connection.execute(
        "UPDATE prompts SET status = %(status)s, writes = %(writes)s, turns = %(turns)s, state = %(state)s,"
        " output_bytes = %(bytes)s, usage_input = %(input)s, usage_output = %(output)s, usage_total = %(total)s,"
        " error = %(error)s, updated_at = clock_timestamp(),"
        " deadline = CASE WHEN %(extend)s THEN deadline + (clock_timestamp() - updated_at) ELSE deadline END,"
        " owner = CASE WHEN %(ended)s THEN NULL ELSE owner END,"
        " ended_at = CASE WHEN %(ended)s THEN clock_timestamp() END"
        " WHERE id = %(id)s",
        {
            "id": run.id, "status": run.status, "writes": run.writes, "turns": run.turns,
            "state": to_json(run.state), "bytes": run.output_bytes, "input": run.usage_input,
            "output": run.usage_output, "total": run.usage_total,
            "error": None if run.error is None else to_json(run.error), "extend": extend_deadline,
            "ended": run.status not in ACTIVE_STATUSES,
        },
    )  # fmt: skip


def set_permissions(connection: Connection, prompt_id: str, permissions: str) -> None:
    """Replace what the prompt's user may do by what the present credential says."""
    connection.execute("UPDATE prompts SET permissions = %s WHERE id = %s", (permissions, prompt_id))


def lock_conversation(connection: Connection, prompt_id: str) -> None:
    """Lock the prompt's conversation until the transaction ends. Call it before the prompt is locked."""
    connection.execute(
        "SELECT FROM conversations WHERE id = (SELECT conversation_id FROM prompts WHERE id = %s) FOR UPDATE",
        (prompt_id,),
    )


def touch_conversation(connection: Connection, conversation_id: str, title: str | None = None) -> None:
    """Set the conversation's `updated_at`, and its title if it has none."""
    connection.execute(
        "UPDATE conversations SET updated_at = clock_timestamp(), title = coalesce(title, %s) WHERE id = %s",
        (title, conversation_id),
    )


def get_seconds_left(connection: Connection, prompt_id: str) -> float:
    """Return the seconds until the prompt's deadline, by the database's clock; negative if it is over."""
    row = connection.execute(
        "SELECT extract(epoch FROM deadline - clock_timestamp())::float8 AS seconds FROM prompts WHERE id = %s",
        (prompt_id,),
    ).fetchone()
    return row["seconds"] or 0.0 if row else 0.0


def is_owned_by(connection: Connection, prompt_id: str, owner: str) -> bool:
    """Return whether the prompt is active, and this attempt its owner."""
    query = "SELECT FROM prompts WHERE id = %s AND owner = %s AND status = ANY(%s)"
    return connection.execute(query, (prompt_id, owner, list(ACTIVE_STATUSES))).rowcount == 1


def store_task_token(connection: Connection, prompt_id: str, task_token: str) -> None:
    """Store the token of the state in which the execution waits."""
    connection.execute("UPDATE prompts SET task_token = %s WHERE id = %s", (task_token, prompt_id))


def clear_task_token(connection: Connection, prompt_id: str, task_token: str) -> None:
    """Delete the token, unless it has been replaced by a newer one."""
    connection.execute(
        "UPDATE prompts SET task_token = NULL WHERE id = %s AND task_token = %s", (prompt_id, task_token)
    )


def release_idempotency_key(connection: Connection, prompt_id: str) -> None:
    """Detach the idempotency key from the prompt, so that it can be used again."""
    connection.execute("UPDATE prompts SET key = NULL WHERE id = %s", (prompt_id,))


def get_execution(connection: Connection, prompt_id: str) -> PromptExecution | None:
    """Return what is needed to wake the prompt's execution; None if the prompt is unknown."""
    return fetch_one(
        connection, PromptExecution, "SELECT id, status, restarts, task_token FROM prompts WHERE id = %s", (prompt_id,)
    )


def list_stalled(connection: Connection, idle_seconds: float, prompt_id: str | None = None) -> list[PromptExecution]:
    """Return active prompts without progress for `idle_seconds`, the longest first.

    A waiting prompt counts only if its approval expired `idle_seconds` ago. With `prompt_id`, only this prompt.
    """
    return fetch_all(
        connection,
        PromptExecution,
        "SELECT p.id, p.status, p.restarts, p.task_token FROM prompts p"
        " WHERE p.status = ANY(%(active)s) AND p.updated_at <= clock_timestamp() - make_interval(secs => %(seconds)s)"
        " AND (p.status = 'running' OR EXISTS (SELECT FROM prompt_calls c WHERE c.prompt_id = p.id"
        "  AND c.state = 'waiting' AND c.expires_at <= clock_timestamp() - make_interval(secs => %(seconds)s)))"
        " AND (%(id)s::text IS NULL OR p.id = %(id)s) ORDER BY p.updated_at",
        {"active": list(ACTIVE_STATUSES), "seconds": idle_seconds, "id": prompt_id},
    )


def restart(connection: Connection, expected: PromptExecution) -> PromptExecution | None:
    """Prepare the prompt for another execution: a new number, no owner, and for a running one a later deadline.

    A worker of the old execution cannot write any more.

    Returns:
        The prompt, or None if it has ended or its number of restarts is not the expected one any more.
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

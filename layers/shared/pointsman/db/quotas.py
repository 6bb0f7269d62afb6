"""What the quotas of prompts are compared with: the prompts and tokens of one user, or of all users together.

A submission inserts its prompt, takes the locks, counts, and commits. Nobody else can count in between, so the limits
hold exactly, and only a round trip and the commit are done under the locks.
"""

from dataclasses import dataclass
from datetime import datetime

from . import locks
from .connection import Connection
from .rows import fetch_one

__all__ = ["QuotaUsage", "lock_prompts", "measure"]


@dataclass(frozen=True, slots=True)
class QuotaUsage:
    """What one user, or all users together, have and have used.

    Attributes:
        active: Prompts that are running or waiting.
        waiting: Prompts that wait for an approval.
        hour_full_until: When so many prompts are older than an hour that one more has room; None if it has now.
        tokens: Tokens of the model turns of this UTC day.
        now: The database's time.
        midnight: The end of this UTC day.
    """

    active: int
    waiting: int
    hour_full_until: datetime | None
    tokens: int
    now: datetime
    midnight: datetime


def lock_prompts(connection: Connection, user_id: str, *, of_all: bool) -> None:
    """Let no other submission of this user, or of any user if `of_all`, count prompts until the transaction ends."""
    locks.lock_prompts_of_user(connection, user_id)
    if of_all:
        locks.lock_prompts(connection)


def measure(
    connection: Connection, user_id: str | None, hourly_limit: int | None, *, own: int = 0, with_tokens: bool
) -> QuotaUsage:
    """Measure what is used.

    Args:
        connection: The connection of the transaction.
        user_id: The user; None for all users together.
        hourly_limit: How many prompts an hour are allowed; None for no limit.
        own: How many prompts this transaction has inserted, which are not counted.
        with_tokens: Whether to sum tokens up; else they are 0.
    """
    of_user = "" if user_id is None else "user_id = %(user)s AND "
    usage = fetch_one(
        connection,
        QuotaUsage,
        f"SELECT (SELECT count(*) FROM prompts WHERE {of_user}status IN ('running', 'waiting')) - %(own)s AS active,"
        f" (SELECT count(*) FROM prompts WHERE {of_user}status = 'waiting') AS waiting,"
        # A subquery in a CASE runs only if the CASE gets there.
        " CASE WHEN %(hourly)s::bigint IS NOT NULL THEN (SELECT created_at + interval '1 hour' FROM prompts"
        f"  WHERE {of_user}created_at > clock_timestamp() - interval '1 hour'"
        "  ORDER BY created_at DESC OFFSET %(hourly)s::bigint - 1 + %(own)s LIMIT 1) END AS hour_full_until,"
        " CASE WHEN %(with_tokens)s THEN coalesce((SELECT sum(tokens) FROM token_usage"
        f"  WHERE {of_user}day = today.day), 0)::bigint ELSE 0 END AS tokens,"
        " clock_timestamp() AS now, (today.day + 1)::timestamp AT TIME ZONE 'UTC' AS midnight"
        " FROM (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day) today",
        {"user": user_id, "own": own, "hourly": hourly_limit, "with_tokens": with_tokens},
    )
    assert usage is not None
    return usage

"""What the quotas of prompts are compared with: the prompts and the tokens of one user, and of all users together.

Each function takes a lock, so that nobody else counts until the transaction ends. Its transaction has inserted a prompt
before, or is a running prompt's; that prompt is not counted. The time is the statement's, which begins when the lock is
there: an index can be searched by it, as by `clock_timestamp()` it cannot.
"""

from dataclasses import dataclass
from datetime import datetime

from . import locks
from .connection import Connection
from .rows import fetch_one
from .token_usage import MAX_COUNT

__all__ = ["PromptUsage", "UserUsage", "count_all_prompts", "measure_user"]


@dataclass(frozen=True, slots=True)
class PromptUsage:
    """Prompts of one user, or of all users together.

    Attributes:
        active: How many are running or waiting.
        waiting: How many wait for an approval.
        hour_full_until: When so many are older than an hour that one more has room; None if it has now.
        now: The database's time.
    """

    active: int
    waiting: int
    hour_full_until: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class UserUsage(PromptUsage):
    """Prompts of one user, and tokens of this UTC day, which ends at `midnight`: the user's, and those of all users."""

    tokens: int
    all_tokens: int
    midnight: datetime


def measure_user(connection: Connection, user_id: str, hourly_limit: int | None, *, with_all_tokens: bool) -> UserUsage:
    """Count what the user has, under the user's lock.

    Args:
        connection: The connection of the transaction.
        user_id: The user.
        hourly_limit: How many prompts an hour are allowed; None for no limit.
        with_all_tokens: Whether to sum up the tokens of all users; else they are 0.
    """
    all_tokens = "(SELECT sum(tokens) FROM token_usage WHERE day = today.day)" if with_all_tokens else "NULL"
    with connection.pipeline():  # One round trip; the count sees what was committed while the lock was waited for.
        locks.lock_prompts_of_user(connection, user_id)
        usage = fetch_one(
            connection,
            UserUsage,
            "SELECT prompts.*, (today.day + 1)::timestamp AT TIME ZONE 'UTC' AS midnight,"
            " coalesce((SELECT tokens FROM token_usage WHERE day = today.day AND user_id = %(user)s), 0) AS tokens,"
            f" least(coalesce({all_tokens}, 0), %(max_count)s)::bigint AS all_tokens"
            " FROM (SELECT (statement_timestamp() AT TIME ZONE 'UTC')::date AS day) today,"
            " (SELECT count(*) - 1 AS active, count(*) FILTER (WHERE status = 'waiting') AS waiting,"
            f"  {_HOUR_OF_USER if hourly_limit else _NO_HOUR} AS hour_full_until, statement_timestamp() AS now"
            "  FROM prompts WHERE user_id = %(user)s AND status IN ('running', 'waiting')) prompts",
            {"user": user_id, "hourly": hourly_limit, "max_count": MAX_COUNT},
        )
    assert usage is not None
    return usage


def count_all_prompts(connection: Connection, hourly_limit: int | None) -> PromptUsage:
    """Count the prompts of all users, under the lock of all. `hourly_limit` as for `measure_user`."""
    with connection.pipeline():
        locks.lock_prompts(connection)
        usage = fetch_one(
            connection,
            PromptUsage,
            "SELECT count(*) - 1 AS active, count(*) FILTER (WHERE status = 'waiting') AS waiting,"
            f" {_HOUR_OF_ALL if hourly_limit else _NO_HOUR} AS hour_full_until, statement_timestamp() AS now"
            " FROM prompts WHERE status IN ('running', 'waiting')",
            {"hourly": hourly_limit},
        )
    assert usage is not None
    return usage


_NO_HOUR = "NULL::timestamptz"
_HOUR_OF_USER = (
    "(SELECT created_at + interval '1 hour' FROM prompts WHERE user_id = %(user)s"
    " AND created_at > statement_timestamp() - interval '1 hour' ORDER BY created_at DESC OFFSET %(hourly)s LIMIT 1)"
)
_HOUR_OF_ALL = (
    "(SELECT created_at + interval '1 hour' FROM prompts"
    " WHERE created_at > statement_timestamp() - interval '1 hour' ORDER BY created_at DESC OFFSET %(hourly)s LIMIT 1)"
)
"""When the hour has room: the newest prompt is this transaction's, and the one so many after it has to be older."""

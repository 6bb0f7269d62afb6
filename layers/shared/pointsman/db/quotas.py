"""What the quotas of prompts are compared with: the prompts and the tokens of one user, or of all users together."""

from dataclasses import dataclass
from datetime import datetime

from . import locks
from .connection import Connection
from .rows import fetch_one

__all__ = ["PromptUsage", "TokenUsage", "lock_and_count_prompts", "sum_tokens"]


@dataclass(frozen=True, slots=True)
class PromptUsage:
    """Prompts of one user, or of all users together, without the one that this transaction has inserted.

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
class TokenUsage:
    """Tokens of this UTC day, which ends at `midnight`. `now` is the database's time."""

    user: int
    all_users: int
    now: datetime
    midnight: datetime


def lock_and_count_prompts(connection: Connection, user_id: str | None, hourly_limit: int | None) -> PromptUsage:
    """Count the prompts after this transaction has inserted one, and let no other submission count until it ends.

    Args:
        connection: The connection of the transaction.
        user_id: The user; None for all users together.
        hourly_limit: How many prompts an hour are allowed; None for no limit.
    """
    of_user = "" if user_id is None else "user_id = %(user)s AND "
    hour_full_until = (
        "NULL::timestamptz"
        if hourly_limit is None
        else "(SELECT created_at + interval '1 hour' FROM prompts"
        f" WHERE {of_user}created_at > clock_timestamp() - interval '1 hour'"
        " ORDER BY created_at DESC OFFSET %(hourly)s LIMIT 1)"
    )
    with connection.pipeline():  # One round trip; the count sees what was committed while the lock was waited for.
        if user_id is None:
            locks.lock_prompts(connection)
        else:
            locks.lock_prompts_of_user(connection, user_id)
        usage = fetch_one(
            connection,
            PromptUsage,
            "SELECT count(*) - 1 AS active, count(*) FILTER (WHERE status = 'waiting') AS waiting,"
            f" {hour_full_until} AS hour_full_until, clock_timestamp() AS now"
            f" FROM prompts WHERE {of_user}status IN ('running', 'waiting')",
            {"user": user_id, "hourly": hourly_limit},
        )
    assert usage is not None
    return usage


def sum_tokens(connection: Connection, user_id: str, *, of_all: bool) -> TokenUsage:
    """Sum up the tokens of this UTC day: the user's, and if `of_all` those of all users, else 0."""
    of_all_users = "(SELECT sum(tokens) FROM token_usage WHERE day = today.day)" if of_all else "NULL"
    usage = fetch_one(
        connection,
        TokenUsage,
        "SELECT coalesce((SELECT tokens FROM token_usage WHERE day = today.day AND user_id = %s), 0) AS user,"
        f" coalesce({of_all_users}, 0)::bigint AS all_users,"
        " clock_timestamp() AS now, (today.day + 1)::timestamp AT TIME ZONE 'UTC' AS midnight"
        " FROM (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day) today",
        (user_id,),
    )
    assert usage is not None
    return usage

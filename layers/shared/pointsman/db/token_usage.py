"""The table `token_usage`: how many tokens each user's model turns have used on each day (UTC)."""

from .connection import Connection

__all__ = ["MAX_COUNT", "add"]

MAX_COUNT = 2**63 - 1
"""The largest number of the columns that count tokens. A sum stays there."""


def add(connection: Connection, user_id: str, tokens: int) -> None:
    """Add to what the user has used today. The row stays locked until the transaction ends."""
    connection.execute(
        "INSERT INTO token_usage AS used (day, user_id, tokens)"
        " VALUES ((clock_timestamp() AT TIME ZONE 'UTC')::date, %s, %s)"
        " ON CONFLICT (day, user_id) DO UPDATE SET"
        " tokens = least(used.tokens::numeric + EXCLUDED.tokens, %s)::bigint",
        (user_id, tokens, MAX_COUNT),
    )

"""The table `token_usage`: how many tokens each user's model turns have used on each day (UTC)."""

from .connection import Connection

__all__ = ["add"]


def add(connection: Connection, user_id: str, tokens: int) -> None:
    """Add to what the user has used today. The row stays locked until the transaction ends."""
    connection.execute(
        "INSERT INTO token_usage AS used (day, user_id, tokens)"
        " VALUES ((clock_timestamp() AT TIME ZONE 'UTC')::date, %s, %s)"
        " ON CONFLICT (day, user_id) DO UPDATE SET tokens = used.tokens + EXCLUDED.tokens",
        (user_id, tokens),
    )

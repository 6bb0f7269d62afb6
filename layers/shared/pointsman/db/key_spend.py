"""The table `key_spend`: caps and usage of OpenRouter's keys, in USD, as their last complete listing had them."""

from collections.abc import Sequence
from typing import NamedTuple

from . import locks
from .connection import Connection

__all__ = ["ListedKey", "replace"]


class ListedKey(NamedTuple):
    """A key in a listing. Amounts are in USD; None for what the listing does not tell, and for no cap."""

    resource_id: str
    cap: float | None
    remaining: float | None
    usage: float | None
    cap_reset: str | None


def replace(connection: Connection, keys: Sequence[ListedKey]) -> None:
    """Replace all rows by the keys of a sweep's complete listing, each once."""
    locks.lock_orphan_sweep(connection)
    ids = [key.resource_id for key in keys]
    connection.execute(
        "DELETE FROM key_spend AS old WHERE NOT EXISTS"
        " (SELECT FROM unnest(%s::text[]) AS seen (resource_id) WHERE seen.resource_id = old.resource_id)",
        (ids,),
    )
    connection.execute(
        "INSERT INTO key_spend (resource_id, cap, remaining, usage, cap_reset, seen_at)"
        " SELECT *, clock_timestamp() FROM unnest(%s::text[], %s::float8[], %s::float8[], %s::float8[], %s::text[])"
        " ON CONFLICT (resource_id) DO UPDATE SET cap = EXCLUDED.cap, remaining = EXCLUDED.remaining,"
        "  usage = EXCLUDED.usage, cap_reset = EXCLUDED.cap_reset, seen_at = EXCLUDED.seen_at",
        (
            ids,
            [key.cap for key in keys],
            [key.remaining for key in keys],
            [key.usage for key in keys],
            [key.cap_reset for key in keys],
        ),
    )

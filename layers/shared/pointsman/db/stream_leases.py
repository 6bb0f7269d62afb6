"""The table `stream_leases`: open streams, each in a slot of its user and one of everybody's, until it ends or expires.

There are as many slots as streams may be open. The primary key (user, slot) is what makes the limits hold: of two
streams that take the same slot at once, one gets it. An expired lease belongs to a stream whose process has died, and
its slot may be taken. A recalled one has to be given back at its next renewal.
"""

import secrets
from dataclasses import dataclass

from .connection import Connection
from .rows import fetch_one

__all__ = [
    "EVERYBODY",
    "RenewedLease",
    "SlotSearch",
    "delete_expired",
    "recall_oldest",
    "release",
    "renew",
    "take_slot",
]

EVERYBODY = ""
"""The owner of the slots that all users share; no user's id is empty."""


@dataclass(frozen=True, slots=True)
class SlotSearch:
    """The result of `take_slot`. With a free slot that was not taken, another stream was faster: search again."""

    has_free_slot: bool
    is_taken: bool


@dataclass(frozen=True, slots=True)
class RenewedLease:
    """A lease that has been renewed. `owners`: whose slots it still has, how many of user and everybody."""

    owners: int
    is_recalled: bool


def take_slot(
    connection: Connection, lease_id: str, owner: str, prompt_id: str | None, slots: int | None, lease_seconds: float
) -> SlotSearch:
    """Take one of the owner's free slots, if there is one.

    A search that runs twice may take two slots; both are renewed and released together, as they have the lease's id.

    Args:
        connection: The connection of the transaction.
        lease_id: The new lease's id.
        owner: Whose slot it is: the user's, or `EVERYBODY`.
        prompt_id: The prompt that it shows; None if that does not exist yet.
        slots: How many slots the owner has; None for no limit.
        lease_seconds: When the lease expires unless it is renewed.
    """
    # From a random slot on, so that streams that are opened at once mostly try different ones.
    start = secrets.randbelow(slots) if slots else None
    search = fetch_one(
        connection,
        SlotSearch,
        f"WITH free AS ({_FIND_FREE_SLOT if slots else _MAKE_SLOT}),"
        " taken AS (INSERT INTO stream_leases AS old (user_id, slot, id, prompt_id, expires_at)"
        "  SELECT %(user)s, n, %(id)s, %(prompt)s, clock_timestamp() + make_interval(secs => %(seconds)s) FROM free"
        "  ON CONFLICT (user_id, slot) DO UPDATE SET id = EXCLUDED.id, prompt_id = EXCLUDED.prompt_id,"
        "  opened_at = EXCLUDED.opened_at, expires_at = EXCLUDED.expires_at, is_recalled = false"
        "  WHERE old.expires_at <= clock_timestamp() RETURNING slot)"
        " SELECT EXISTS (SELECT FROM free) AS has_free_slot, EXISTS (SELECT FROM taken) AS is_taken",
        {"user": owner, "id": lease_id, "prompt": prompt_id, "slots": slots, "start": start, "seconds": lease_seconds},
    )
    assert search is not None
    return search


_FIND_FREE_SLOT = (
    "SELECT n FROM (SELECT 1 + mod(i + %(start)s, %(slots)s) AS n FROM generate_series(1, %(slots)s) AS i) slots"
    " WHERE NOT EXISTS (SELECT FROM stream_leases"
    "  WHERE user_id = %(user)s AND slot = n AND expires_at > clock_timestamp()) LIMIT 1"
)
_MAKE_SLOT = "SELECT 1 + floor(random() * 2147483647)::integer AS n"
"""A slot of its own for each stream where there is no limit. One that is taken already is searched for again."""


def recall_oldest(connection: Connection, user_id: str, prompt_id: str) -> None:
    """Recall the user's oldest lease for this prompt, unless one is recalled already."""
    connection.execute(
        "UPDATE stream_leases SET is_recalled = true WHERE user_id = %(user)s AND slot = (SELECT slot"
        " FROM stream_leases WHERE user_id = %(user)s AND prompt_id = %(prompt)s"
        " ORDER BY is_recalled DESC, opened_at LIMIT 1)",
        {"user": user_id, "prompt": prompt_id},
    )


def renew(
    connection: Connection, lease_id: str, user_id: str, prompt_id: str | None, lease_seconds: float
) -> RenewedLease:
    """Renew a lease, also an expired one, in the slots that no other stream has taken.

    The arguments are those of `take_slot`; `user_id` is whose stream it is.
    """
    renewed = fetch_one(
        connection,
        RenewedLease,
        "WITH renewed AS (UPDATE stream_leases SET expires_at = clock_timestamp() + make_interval(secs => %(seconds)s),"
        " prompt_id = %(prompt)s WHERE user_id = ANY(%(owners)s) AND id = %(id)s RETURNING user_id, is_recalled)"
        " SELECT count(DISTINCT user_id) AS owners, coalesce(bool_or(is_recalled), false) AS is_recalled FROM renewed",
        {"owners": [user_id, EVERYBODY], "id": lease_id, "prompt": prompt_id, "seconds": lease_seconds},
    )
    assert renewed is not None
    return renewed


def release(connection: Connection, lease_id: str, user_id: str) -> None:
    """Delete a lease, if it is still there."""
    connection.execute(
        "DELETE FROM stream_leases WHERE user_id = ANY(%s) AND id = %s", ([user_id, EVERYBODY], lease_id)
    )


def delete_expired(connection: Connection) -> None:
    """Delete the leases that dead processes left."""
    connection.execute("DELETE FROM stream_leases WHERE expires_at <= clock_timestamp()")

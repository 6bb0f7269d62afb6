"""A request's claim on its idempotency key, as the commands that start operations need it.

Keys are claimed in `idempotent_requests`, which only a request with a key loads.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import IdempotencyInProgress

if TYPE_CHECKING:
    # Endpoints that never open the database load this module too.
    from ..db.connection import Connection

__all__ = ["Claim", "link_operation"]


@dataclass(slots=True)
class Claim:
    """A request's claim on its idempotency key.

    Attributes:
        key: the key that the client sent.
        owner: the id of the attempt that holds the key.
        received_at: `time.monotonic()` when the request arrived, in seconds.
        is_first: whether this request is the attempt `owner`; else it is a repeat.
        operation_id: the operation that the request has started or joined; None while there is none.
    """

    key: str = field(repr=False)
    owner: str
    received_at: float
    is_first: bool = True
    operation_id: str | None = None


def link_operation(db: "Connection", claim: Claim | None, operation_id: str) -> None:
    """Record the operation that a request with this claim has started or joined. Without a claim, do nothing.

    It belongs into the transaction that inserts or restarts the operation: then a repeat of the request joins it and
    never starts another one, even if this process ends right after the commit.

    Raises:
        IdempotencyInProgress: a repeat has taken over the key; the transaction has to be rolled back.
    """
    if claim is None:
        return
    from ..db import idempotency_keys

    if not idempotency_keys.link_operation(db, claim.key, claim.owner, operation_id):
        raise IdempotencyInProgress("A repeat of this request has taken over; ask again")
    claim.operation_id = operation_id

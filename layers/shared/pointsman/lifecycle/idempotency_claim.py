"""The idempotency key of the request that is being answered, for those who begin operations.

What is done with keys is in pointsman.lifecycle.idempotent_requests, which only a request with a key loads.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..db.connection import Connection
from ..errors import IdempotencyInProgress

__all__ = ["Claim", "claim_scope", "get_current", "link_operation"]


@dataclass(slots=True)
class Claim:
    """A request's hold on its key.

    `owner` is the attempt that claimed it, this one if `first`. `operation_id` is what it began or joined, None while
    that is unknown. `since` is the time.monotonic() at which the request came.
    """

    key: str = field(repr=False)
    owner: str
    received_at: float
    is_first: bool = True
    operation_id: str | None = None


_current: Claim | None = None


@contextmanager
def claim_scope(claim: Claim) -> Generator[None]:
    """In this block the request with this claim is being answered."""
    global _current
    _current = claim
    try:
        yield
    finally:
        _current = None


def get_current() -> Claim | None:
    """The claim of the request that is being answered; None for one without a key."""
    return _current


def link_operation(db: Connection, operation_id: str) -> None:
    """Write down what the request has begun or joined; nothing for one without a key.

    Done in the transaction that begins the operation, a repeat of the request never begins another one, whenever this
    process dies. Raises StillInProgress, and so undoes the transaction, if a repeat has taken the key over.
    """
    if _current is None:
        return
    from ..db import idempotency_keys

    if not idempotency_keys.link_operation(db, _current.key, _current.owner, operation_id):
        raise IdempotencyInProgress("A repeat of this request has taken over; ask again")
    _current.operation_id = operation_id

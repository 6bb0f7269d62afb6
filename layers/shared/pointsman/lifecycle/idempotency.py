"""Requests with an idempotency key: done once, however often they are sent.

Loaded only for a request that has one.
"""

import hashlib
import hmac
import os
import time
import uuid
from dataclasses import dataclass

from .. import log
from ..db import connection, idempotency, operations
from ..errors import DatabaseUnavailable, KeyReused, StillInProgress
from ..settings.tuning import Tuning
from .claim import Claim

__all__ = ["Recorded", "claim", "record", "release"]

_LOOK_EVERY = 0.1
"""Seconds between looks at a claim whose owner has not begun its operation yet."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was answered to the first request."""

    status: int
    body: str


def claim(key: str, request: bytes, *, starts: bool) -> Claim | Recorded:
    """Claim the key for this request, or join the operation of the one that has it, or tell what was answered to it.

    `request` is everything that makes two requests the same; only a salted scrypt of it is kept. `starts` tells that
    the work is an operation: then one that is about to begin is waited for. Raises KeyReused where the key came with
    another request, StillInProgress while the first is at work and there is nothing to join.
    """
    tuning, since = Tuning.load(), time.monotonic()
    owner, fingerprints = uuid.uuid4().hex, dict[bytes, bytes]()
    while True:
        row = connection.run(lambda db: idempotency.get(db, key))
        salt = row.salt if row else os.urandom(16)
        # Not in a transaction: this is meant to take its time.
        mine = fingerprints.get(salt) or _fingerprint(request, salt)
        fingerprints[salt] = mine
        if row is None:
            if _insert(key, owner, salt, mine):
                return Claim(key, owner, since)
            continue
        if not hmac.compare_digest(mine, row.fingerprint):
            raise KeyReused("This Idempotency-Key has come with another request; a new request needs a new key")
        if row.status is not None and row.body is not None:
            return Recorded(row.status, row.body)
        if row.operation_id is not None:
            _keep_going(row.operation_id)
            return Claim(key, row.owner, since, first=False, operation_id=row.operation_id)
        if row.age >= tuning.takeover:
            if _take_over(key, owner, row.owner):
                return Claim(key, owner, since)
            continue
        if not starts or time.monotonic() - since >= tuning.answer_within:
            raise StillInProgress("The first request with this Idempotency-Key is still at work; ask again")
        time.sleep(_LOOK_EVERY)


def record(held: Claim, answer: Recorded) -> Recorded:
    """Write the final answer down. What is returned is the answer to give: where a repeat was first, that one's."""

    def write(db: connection.Connection) -> Recorded:
        idempotency.record(db, held.key, held.owner, answer.status, answer.body)
        row = idempotency.get(db, held.key)
        if row is None or row.owner != held.owner or row.status is None or row.body is None:
            return answer
        return Recorded(row.status, row.body)

    try:
        return connection.run(write)
    except DatabaseUnavailable as error:
        # The work is done, and its caller should know: a repeat finds the operation, or is let do it again.
        log.say("warning", "answer not recorded", reason=error.message)
        return answer


def release(held: Claim) -> None:
    """Let a repeat do the work, where nothing was begun."""
    try:
        connection.run(lambda db: idempotency.release(db, held.key, held.owner))
    except DatabaseUnavailable as error:
        log.say("warning", "key not released", reason=error.message)


def _fingerprint(request: bytes, salt: bytes) -> bytes:
    """About 10 ms and 4 MiB: too slow to guess a body from the table, and nothing beside the work that follows."""
    return hashlib.scrypt(request, salt=salt, n=2**12, r=8, p=1, dklen=32)


def _insert(key: str, owner: str, salt: bytes, fingerprint: bytes) -> bool:
    return connection.run(lambda db: idempotency.insert(db, key, owner, salt, fingerprint))


def _take_over(key: str, owner: str, from_owner: str) -> bool:
    return connection.run(lambda db: idempotency.take_over(db, key, owner, from_owner))


def _keep_going(operation_id: str) -> None:
    """Start an operation whose first caller may have died before it could."""
    from . import starting

    operation = connection.run(lambda db: operations.get(db, operation_id))
    if operation is not None and operation.status == "running":
        starting.start(operation)

"""Idempotent requests: a request with an idempotency key is executed once, and its repeats get the same response.

Loaded only for a request with a key.
"""

import hashlib
import hmac
import os
import time
import uuid
from dataclasses import dataclass

from .. import deadlines, log
from ..db import connection, idempotency_keys, operations
from ..errors import DatabaseUnavailable, IdempotencyInProgress, IdempotencyKeyReused
from ..settings.operations import Timeouts
from .idempotency_claim import Claim

__all__ = ["RecordedResponse", "claim_key", "record_response", "release"]

_POLL_INTERVAL = 0.1
"""Seconds between reads of a key whose owner has not started its operation yet."""


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """The response to the first request: its HTTP status, and its body as JSON text."""

    status: int
    body: str


def claim_key(key: str, request: bytes, *, starts_operation: bool) -> Claim | RecordedResponse:
    """Claim the key for this request, or join the request that has it.

    Args:
        key: the idempotency key.
        request: what makes two requests the same, serialized. Only its salted fingerprint is stored.
        starts_operation: whether the request starts an operation; then a repeat waits until the first request has.

    Returns:
        The claim of this request, or of a repeat on the first request's operation; or the response recorded for the
        first request.

    Raises:
        IdempotencyKeyReused: the key came with another request.
        IdempotencyInProgress: the first request is in progress, and there is no operation to join.
        DatabaseUnavailable: the database cannot be reached.
    """
    timeouts, received_at = Timeouts.load(), time.monotonic()
    owner, fingerprints = uuid.uuid4().hex, dict[bytes, bytes]()
    while True:
        row = connection.run_in_transaction(idempotency_keys.get, key)
        salt = row.salt if row else os.urandom(16)
        # Not in a transaction, because the hash is slow on purpose.
        fingerprint = fingerprints.get(salt) or _fingerprint(request, salt)
        fingerprints[salt] = fingerprint
        if row is None:
            if _insert_key(key, owner, salt, fingerprint):
                return Claim(key, owner, received_at)
            continue
        if not hmac.compare_digest(fingerprint, row.fingerprint):
            raise IdempotencyKeyReused(
                "This Idempotency-Key has come with another request; a new request needs a new key"
            )
        if row.status is not None and row.body is not None:
            return RecordedResponse(row.status, row.body)
        if row.operation_id is not None:
            _ensure_running(row.operation_id)
            return Claim(key, row.owner, received_at, is_first=False, operation_id=row.operation_id)
        if row.age >= timeouts.claim_takeover_age:
            if _take_over_key(key, owner, row.owner):
                return Claim(key, owner, received_at)
            continue
        waited = time.monotonic() - received_at
        if not starts_operation or waited >= timeouts.response_timeout or not deadlines.seconds_left():
            raise IdempotencyInProgress("The first request with this Idempotency-Key is still at work; ask again")
        time.sleep(_POLL_INTERVAL)


def record_response(claim: Claim, response: RecordedResponse) -> RecordedResponse:
    """Record the final response, and return the one to send: the repeat's, if it was recorded first."""

    def record_in_transaction(db: connection.Connection) -> RecordedResponse:
        idempotency_keys.record_response(db, claim.key, claim.owner, response.status, response.body)
        row = idempotency_keys.get(db, claim.key)
        if row is None or row.owner != claim.owner or row.status is None or row.body is None:
            return response
        return RecordedResponse(row.status, row.body)

    try:
        return connection.run_in_transaction(record_in_transaction)
    except DatabaseUnavailable as error:
        # The request has succeeded all the same. A repeat joins the operation, or executes the request again.
        log.write("warning", "response not recorded", reason=error.message)
        return response


def release(claim: Claim) -> None:
    """Release the key after a response that is not final, so that a repeat executes the request."""
    try:
        connection.run_in_transaction(idempotency_keys.release, claim.key, claim.owner)
    except DatabaseUnavailable as error:
        log.write("warning", "key not released", reason=error.message)


def _fingerprint(request: bytes, salt: bytes) -> bytes:
    """Hash the request: about 10 ms and 4 MiB, so that bodies cannot be guessed from the table."""
    return hashlib.scrypt(request, salt=salt, n=2**12, r=8, p=1, dklen=32)


def _insert_key(key: str, owner: str, salt: bytes, fingerprint: bytes) -> bool:
    return connection.run_in_transaction(idempotency_keys.claim, key, owner, salt, fingerprint)


def _take_over_key(key: str, owner: str, previous_owner: str) -> bool:
    return connection.run_in_transaction(idempotency_keys.take_over, key, owner, previous_owner)


def _ensure_running(operation_id: str) -> None:
    """Start the operation's execution: the first request may have been interrupted before it could."""
    from . import operation_executions

    operation = connection.run_in_transaction(operations.get, operation_id)
    if operation is not None and operation.status == "running":
        operation_executions.start_operation(operation)

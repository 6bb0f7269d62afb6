"""The table `idempotency_keys`: which request a key came with, who works on it, and what was answered."""

from dataclasses import dataclass

from .connection import Connection
from .rows import fetch_one

__all__ = ["IdempotencyKey", "claim", "get", "link_operation", "record_response", "release", "take_over"]

_UNEXPIRED = "created_at > clock_timestamp() - interval '24 hours'"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """`owner` is the attempt that has claimed the key, `status` and `body` are None until it is answered.

    `age` is in seconds since the claim. `fingerprint` is of the request, with `salt`.
    """

    salt: bytes
    fingerprint: bytes
    owner: str
    operation_id: str | None
    status: int | None
    body: str | None
    age: float


def get(connection: Connection, key: str) -> IdempotencyKey | None:
    """The key's row. None for one that was never seen, or is older than 24 hours."""
    return fetch_one(
        connection,
        IdempotencyKey,
        "SELECT salt, fingerprint, owner, operation_id, status, body,"
        " extract(epoch FROM clock_timestamp() - claimed_at)::float8 AS age"
        f" FROM idempotency_keys WHERE key = %s AND {_UNEXPIRED}",
        (key,),
    )


def claim(connection: Connection, key: str, owner: str, salt: bytes, fingerprint: bytes) -> bool:
    """Claim a key that nobody has. False if somebody was first. Deletes some rows that are too old, in passing."""
    # Skipping what is locked: two that delete the same rows would wait for each other.
    connection.execute(
        "DELETE FROM idempotency_keys WHERE key IN (SELECT key FROM idempotency_keys"
        f" WHERE NOT {_UNEXPIRED} ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
    )
    cursor = connection.execute(
        "INSERT INTO idempotency_keys AS k (key, owner, salt, fingerprint) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (key) DO UPDATE SET owner = EXCLUDED.owner, salt = EXCLUDED.salt,"
        "  fingerprint = EXCLUDED.fingerprint, state = 'claimed', operation_id = NULL, status = NULL, body = NULL,"
        "  claimed_at = EXCLUDED.claimed_at, created_at = EXCLUDED.created_at"
        f" WHERE k.owner = EXCLUDED.owner OR NOT k.{_UNEXPIRED}",
        (key, owner, salt, fingerprint),
    )
    return cursor.rowcount == 1


def take_over(connection: Connection, key: str, owner: str, previous_owner: str) -> bool:
    """Claim a key whose owner is gone. False if that has begun an operation or answered, or another was first."""
    cursor = connection.execute(
        "UPDATE idempotency_keys SET owner = %s, claimed_at = clock_timestamp()"
        " WHERE key = %s AND owner = ANY(%s) AND state = 'claimed' AND operation_id IS NULL",
        (owner, key, [previous_owner, owner]),
    )
    return cursor.rowcount == 1


def link_operation(connection: Connection, key: str, owner: str, operation_id: str) -> bool:
    """Write down which operation the request is about. False if the key is not the owner's any more."""
    cursor = connection.execute(
        "UPDATE idempotency_keys SET operation_id = %s WHERE key = %s AND owner = %s AND state = 'claimed'",
        (operation_id, key, owner),
    )
    return cursor.rowcount == 1


def record_response(connection: Connection, key: str, owner: str, status: int, body: str) -> None:
    """Write the answer down. The first one stands."""
    connection.execute(
        "UPDATE idempotency_keys SET state = 'answered', status = %s, body = %s"
        " WHERE key = %s AND owner = %s AND state = 'claimed'",
        (status, body, key, owner),
    )


def release(connection: Connection, key: str, owner: str) -> None:
    """Forget a claim that has come to nothing. One that has begun an operation stays."""
    connection.execute(
        "DELETE FROM idempotency_keys WHERE key = %s AND owner = %s AND state = 'claimed' AND operation_id IS NULL",
        (key, owner),
    )

"""The table `idempotency_keys`: the request of each key, the attempt that owns it, and the stored response."""

from dataclasses import dataclass

from .connection import Connection
from .rows import fetch_one

__all__ = ["IdempotencyKey", "claim", "get", "link_operation", "record_response", "release", "take_over"]

_UNEXPIRED = "created_at > clock_timestamp() - interval '24 hours'"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A row of `idempotency_keys`.

    `owner` is the attempt that has claimed the key. `status` and `body` are the stored response, None until there is
    one. `age` is in seconds since the claim. `fingerprint` is the hash of the request, with `salt`.
    """

    salt: bytes
    fingerprint: bytes
    owner: str
    operation_id: str | None
    status: int | None
    body: str | None
    age: float


def get(connection: Connection, key: str) -> IdempotencyKey | None:
    """Return the key's row; None if it is unknown or older than 24 hours."""
    return fetch_one(
        connection,
        IdempotencyKey,
        "SELECT salt, fingerprint, owner, operation_id, status, body,"
        " extract(epoch FROM clock_timestamp() - claimed_at)::float8 AS age"
        f" FROM idempotency_keys WHERE key = %s AND {_UNEXPIRED}",
        (key,),
    )


def claim(connection: Connection, key: str, owner: str, salt: bytes, fingerprint: bytes) -> bool:
    """Claim a free key; False if another attempt owns it. Deletes up to 100 expired rows as well."""
    # SKIP LOCKED: two claims that delete the same rows would wait for each other. now(): no index can be searched
    # by clock_timestamp(), so all keys would be read.
    connection.execute(
        "DELETE FROM idempotency_keys WHERE key IN (SELECT key FROM idempotency_keys"
        " WHERE created_at <= now() - interval '24 hours' ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
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
    """Claim the key of an attempt that has died; False if it has an operation or a response, or another was first."""
    cursor = connection.execute(
        "UPDATE idempotency_keys SET owner = %s, claimed_at = clock_timestamp()"
        " WHERE key = %s AND owner = ANY(%s) AND state = 'claimed' AND operation_id IS NULL",
        (owner, key, [previous_owner, owner]),
    )
    return cursor.rowcount == 1


def link_operation(connection: Connection, key: str, owner: str, operation_id: str) -> bool:
    """Store the operation of the request; False if the attempt does not own the key any more."""
    cursor = connection.execute(
        "UPDATE idempotency_keys SET operation_id = %s WHERE key = %s AND owner = %s AND state = 'claimed'",
        (operation_id, key, owner),
    )
    return cursor.rowcount == 1


def record_response(connection: Connection, key: str, owner: str, status: int, body: str) -> None:
    """Store the response. The first one is kept."""
    connection.execute(
        "UPDATE idempotency_keys SET state = 'answered', status = %s, body = %s"
        " WHERE key = %s AND owner = %s AND state = 'claimed'",
        (status, body, key, owner),
    )


def release(connection: Connection, key: str, owner: str) -> None:
    """Delete the claim of a failed attempt, unless it has an operation or a response."""
    connection.execute(
        "DELETE FROM idempotency_keys WHERE key = %s AND owner = %s AND state = 'claimed' AND operation_id IS NULL",
        (key, owner),
    )

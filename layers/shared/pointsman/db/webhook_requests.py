"""The table `webhook_requests`: idempotency keys of requests that change webhooks, with what these have done.

A key is inserted in the transaction of the change, so a change is made once, and a repeat waits for the first one's
end. What is stored are ids: the response is composed anew, because it may hold a secret.
"""

import json
from typing import Any

from psycopg.types.json import Jsonb

from ..errors import IdempotencyKeyReused
from .connection import Connection

__all__ = ["claim_key", "record_result"]


def claim_key(connection: Connection, owner: str, key: str, fingerprint: str) -> dict[str, Any] | None:
    """Claim an owner's key in this transaction, or return what the request with this key has done within 24 hours.

    Deletes up to 100 expired keys as well.

    Args:
        connection: The connection of the transaction.
        owner: Whose key it is.
        key: The key.
        fingerprint: What makes two requests the same.

    Raises:
        IdempotencyKeyReused: the key came with another request.
    """
    connection.execute(
        "DELETE FROM webhook_requests WHERE (owner, key) IN (SELECT owner, key FROM webhook_requests"
        " WHERE created_at <= now() - interval '24 hours' ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
    )
    row = connection.execute(
        "INSERT INTO webhook_requests AS r (owner, key, fingerprint, result) VALUES (%s, %s, %s, '{}')"
        " ON CONFLICT (owner, key) DO UPDATE SET (fingerprint, result, created_at) ="
        "  (SELECT EXCLUDED.fingerprint, EXCLUDED.result, EXCLUDED.created_at"
        "    WHERE r.created_at <= now() - interval '24 hours'"
        "   UNION ALL SELECT r.fingerprint, r.result, r.created_at WHERE r.created_at > now() - interval '24 hours')"
        " RETURNING fingerprint, result",
        (owner, key, fingerprint),
    ).fetchone()
    assert row is not None
    if not row["result"]:  # It is recorded in the transaction that claims the key.
        return None
    if row["fingerprint"] != fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key has come with another request; a new request needs a new key")
    return row["result"]


def record_result(connection: Connection, owner: str, key: str, result: dict[str, Any]) -> None:
    """Store what the request with a claimed key has done: ids, without secrets."""
    assert len(json.dumps(result)) < 1000
    connection.execute(
        "UPDATE webhook_requests SET result = %s WHERE owner = %s AND key = %s", (Jsonb(result), owner, key)
    )

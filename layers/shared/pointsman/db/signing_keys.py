"""The table `signing_keys`: random keys that sign what clients carry for us, made at their first use.

A key is replaced by deleting its row; what it has signed is not valid any more then.
"""

import secrets

from .connection import Connection

__all__ = ["get_or_create"]

_KEY_BYTES = 32


def get_or_create(connection: Connection, purpose: str) -> bytes:
    """Return the key of this purpose, of 32 random bytes."""
    row = connection.execute("SELECT key FROM signing_keys WHERE purpose = %s", (purpose,)).fetchone()
    if row is None:
        row = connection.execute(
            # An update that changes nothing returns the row of who was faster.
            "INSERT INTO signing_keys (purpose, key) VALUES (%s, %s)"
            " ON CONFLICT (purpose) DO UPDATE SET purpose = excluded.purpose RETURNING key",
            (purpose, secrets.token_bytes(_KEY_BYTES)),
        ).fetchone()
    assert row is not None
    return bytes(row["key"])

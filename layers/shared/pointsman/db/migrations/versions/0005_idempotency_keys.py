"""The table `idempotency_keys`: claims, fingerprints of requests, and recorded responses."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # The fingerprint is a salted scrypt of the request: bodies of /configure hold secrets, and none is kept here.
    op.execute("""
        CREATE TABLE idempotency_keys (
            key          TEXT PRIMARY KEY,
            salt         BYTEA NOT NULL,
            fingerprint  BYTEA NOT NULL,
            state        TEXT NOT NULL DEFAULT 'claimed' CHECK (state IN ('claimed', 'answered')),
            owner        TEXT NOT NULL,
            operation_id TEXT REFERENCES operations (id) ON DELETE CASCADE,
            status       INTEGER,
            body         TEXT,
            claimed_at   TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            created_at   TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            CHECK ((state = 'answered') = (status IS NOT NULL AND body IS NOT NULL))
        );
        CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
    """)

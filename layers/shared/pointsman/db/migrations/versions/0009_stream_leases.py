"""Leases of open streams, which limit how many a user may have at a time."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE stream_leases (
            user_id     TEXT NOT NULL,
            slot        INTEGER NOT NULL,
            id          TEXT NOT NULL,
            prompt_id   TEXT,
            opened_at   TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            expires_at  TIMESTAMPTZ NOT NULL,
            is_recalled BOOLEAN NOT NULL DEFAULT false,
            PRIMARY KEY (user_id, slot)
        );
    """)

"""What happens to a prompt's tool calls between two events of its log, for the streams that ask for it."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    # A table of its own: a release that does not know it numbers and sends the other events as before.
    op.execute("""
        CREATE TABLE prompt_call_events (
            prompt_id  TEXT NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
            seq        INTEGER NOT NULL,
            number     INTEGER NOT NULL,
            event      TEXT NOT NULL,
            data       JSON NOT NULL,
            created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (prompt_id, seq, number)
        );
    """)

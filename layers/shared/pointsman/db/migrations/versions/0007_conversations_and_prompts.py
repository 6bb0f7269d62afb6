"""Conversations of the Agent API's users, and their prompts."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE conversations (
            id         TEXT PRIMARY KEY,
            user_id    TEXT NOT NULL,
            title      TEXT,
            created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
        );
        CREATE INDEX conversations_of_user ON conversations (user_id, updated_at DESC, id);
        CREATE TABLE prompts (
            id              TEXT PRIMARY KEY,
            user_id         TEXT NOT NULL,
            conversation_id TEXT REFERENCES conversations (id) ON DELETE SET NULL,
            input           TEXT NOT NULL,
            model           TEXT NOT NULL DEFAULT 'normal',
            status          TEXT NOT NULL DEFAULT 'running'
                            CHECK (status IN ('running', 'waiting', 'completed', 'failed', 'cancelled')),
            created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
            updated_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
            ended_at        TIMESTAMPTZ
        );
        CREATE INDEX prompts_of_conversation ON prompts (conversation_id, created_at);
    """)

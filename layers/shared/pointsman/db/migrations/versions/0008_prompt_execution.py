"""Execution of prompts: history, tool calls, event log, and the fencing token."""

from alembic import op

revision = "0008"
down_revision = "0007"
CONTRACT = "No release wrote prompts before this revision, so none can write two that collide"


def upgrade() -> None:
    # JSON, not JSONB, wherever keys keep their order or a text may hold what Postgres has no character for (NUL).
    op.execute("""
        ALTER TABLE prompts
            ADD COLUMN key          TEXT,
            ADD COLUMN fingerprint  TEXT,
            ADD COLUMN tokens       BOOLEAN NOT NULL DEFAULT false,
            ADD COLUMN owner        TEXT,
            ADD COLUMN writes       INTEGER NOT NULL DEFAULT 0,
            ADD COLUMN restarts     INTEGER NOT NULL DEFAULT 0,
            ADD COLUMN task_token   TEXT,
            ADD COLUMN turns        INTEGER NOT NULL DEFAULT 0,
            ADD COLUMN output_bytes BIGINT NOT NULL DEFAULT 0,
            ADD COLUMN usage_input  BIGINT NOT NULL DEFAULT 0,
            ADD COLUMN usage_output BIGINT NOT NULL DEFAULT 0,
            ADD COLUMN usage_total  BIGINT NOT NULL DEFAULT 0,
            ADD COLUMN state        JSON NOT NULL DEFAULT '{}',
            ADD COLUMN error        JSON,
            ADD COLUMN deadline     TIMESTAMPTZ;
        CREATE UNIQUE INDEX prompts_by_key ON prompts (user_id, key);
        CREATE UNIQUE INDEX prompts_one_at_work_per_conversation ON prompts (conversation_id)
            WHERE status IN ('running', 'waiting');
        CREATE INDEX prompts_at_work ON prompts (updated_at) WHERE status IN ('running', 'waiting');

        CREATE TABLE prompt_items (
            prompt_id TEXT NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
            seq       INTEGER NOT NULL,
            turn      INTEGER NOT NULL,
            item      JSON NOT NULL,
            PRIMARY KEY (prompt_id, seq)
        );

        CREATE TABLE prompt_events (
            prompt_id  TEXT NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
            seq        INTEGER NOT NULL,
            event      TEXT NOT NULL,
            data       JSON NOT NULL,
            created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (prompt_id, seq)
        );

        CREATE TABLE prompt_calls (
            prompt_id  TEXT NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
            turn       INTEGER NOT NULL,
            position   INTEGER NOT NULL,
            asked      JSON NOT NULL,
            state      TEXT NOT NULL DEFAULT 'asked'
                       CHECK (state IN ('asked', 'waiting', 'approved', 'rejected', 'expired', 'running', 'done')),
            shown      JSON,
            digest     TEXT,
            expires_at TIMESTAMPTZ,
            decision   TEXT,
            note       JSON,
            decided_at TIMESTAMPTZ,
            started_at TIMESTAMPTZ,
            ended_at   TIMESTAMPTZ,
            PRIMARY KEY (prompt_id, turn, position),
            CHECK ((state = 'waiting') <= (shown IS NOT NULL AND digest IS NOT NULL AND expires_at IS NOT NULL))
        );
        CREATE UNIQUE INDEX prompt_calls_one_waiting ON prompt_calls (prompt_id) WHERE state = 'waiting';
    """)

"""Indexes by which quotas are counted, the tokens that each user has used on a day, and the maintenance switch."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # Built while writers wait, as the migration is one transaction: about a second per million rows.
    op.execute("""
        CREATE INDEX prompts_active_of_user ON prompts (user_id, status) WHERE status IN ('running', 'waiting');
        CREATE INDEX prompts_of_user_by_age ON prompts (user_id, created_at);
        CREATE INDEX prompts_by_age ON prompts (created_at);
        CREATE TABLE token_usage (
            day     DATE NOT NULL,
            user_id TEXT NOT NULL,
            tokens  BIGINT NOT NULL,
            PRIMARY KEY (day, user_id)
        );
        CREATE TABLE maintenance (
            is_only_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (is_only_row),
            is_enabled  BOOLEAN NOT NULL,
            message     TEXT,
            changed_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            changed_by  TEXT NOT NULL
        );
    """)

"""Tool calls that a client asks for itself and a person approves, and keys to sign what clients carry for us."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    # A prompt without a model: it ends with its one call. Every prompt of before has a model.
    op.execute(
        """
        ALTER TABLE prompts ADD COLUMN is_direct BOOLEAN NOT NULL DEFAULT false;
        CREATE TABLE signing_keys (
            purpose     TEXT PRIMARY KEY,
            key         BYTEA NOT NULL,
            created_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
        );
        """
    )

"""Restarts of operations, and journal entries that a person has abandoned."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE operations ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX operations_unsettled ON operations (updated_at) WHERE status IN ('running', 'leaked');
        ALTER TABLE operation_resources DROP CONSTRAINT operation_resources_state_check;
        ALTER TABLE operation_resources ADD CONSTRAINT operation_resources_state_check
            CHECK (state IN ('intended', 'created', 'refused', 'deleted', 'abandoned'));
    """)

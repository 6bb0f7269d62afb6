"""The retention finds all prompts that ended long ago, also those of conversations in use."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("""
        DROP INDEX prompts_ended;
        CREATE INDEX prompts_ended ON prompts (updated_at) WHERE status IN ('completed', 'failed', 'cancelled');
    """)

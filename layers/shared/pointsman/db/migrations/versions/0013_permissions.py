"""What the user of a prompt may do, and who decides about a call that needs an approval."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    # Constant defaults: no table is rewritten. Prompts and calls of before have no permissions.
    op.execute("""
        ALTER TABLE prompts ADD COLUMN permissions TEXT NOT NULL DEFAULT '';
        ALTER TABLE prompt_calls
            ADD COLUMN approver TEXT NOT NULL DEFAULT 'self' CHECK (approver IN ('self', 'other')),
            ADD COLUMN required_permission TEXT NOT NULL DEFAULT '',
            ADD COLUMN decided_by TEXT;
        CREATE INDEX prompt_calls_for_others ON prompt_calls (expires_at)
            WHERE state = 'waiting' AND approver = 'other';
    """)

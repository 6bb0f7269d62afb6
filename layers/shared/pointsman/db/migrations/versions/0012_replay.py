"""What each item of a prompt's history is bound to, and which form of it a model has refused."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # A constant default or none: no table is rewritten.
    op.execute("""
        ALTER TABLE prompt_items
            ADD COLUMN origin TEXT,
            ADD COLUMN refusal TEXT CHECK (refusal IN ('content', 'type', 'always'));
    """)

"""The size of each item of a prompt's history, so that a part of a long history is found without reading all of it."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    # NULL for items of before: these are measured when they are looked for.
    op.execute("ALTER TABLE prompt_items ADD COLUMN bytes INTEGER")

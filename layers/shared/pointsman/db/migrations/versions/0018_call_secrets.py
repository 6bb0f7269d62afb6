"""The exact arguments of tool calls with secrets, apart from all that is kept of the calls."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    # NULL wherever nothing is secret, and again once the call runs or will not.
    op.execute("ALTER TABLE prompt_calls ADD COLUMN secret JSON")

"""Operations on one tool of an instance: provision and destroy_tool. Who uses a name is looked up at each create."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE operations DROP CONSTRAINT operations_kind_check;
        ALTER TABLE operations ADD CONSTRAINT operations_kind_check
            CHECK (kind IN ('create', 'destroy', 'provision', 'destroy_tool'));
        CREATE INDEX operations_by_name ON operations ((request->>'name')) WHERE kind = 'create';
    """)

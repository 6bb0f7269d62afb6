"""Indexes by which the retention finds what has ended long ago, and by which deletions check what refers to a row."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # Built while writers wait, as the migration is one transaction: about a second per million rows.
    op.execute("""
        CREATE INDEX conversations_by_age ON conversations (updated_at);
        CREATE INDEX prompts_ended ON prompts (updated_at)
            WHERE conversation_id IS NULL AND status IN ('completed', 'failed', 'cancelled');
        CREATE INDEX operations_ended ON operations (updated_at, id) WHERE status IN ('succeeded', 'failed');
        CREATE INDEX operation_resources_by_instance ON operation_resources (instance_id);
        CREATE INDEX operation_resources_by_closer ON operation_resources (closed_by);
        CREATE INDEX idempotency_keys_by_operation ON idempotency_keys (operation_id);
    """)

"""Indexes by which instances, operations and prompts are listed page by page."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("""
        CREATE INDEX instance_infra_by_status ON instance_infra (deploy_status, created_at, instance_id);
        CREATE INDEX instance_infra_by_prefix ON instance_infra (instance_id text_pattern_ops);
        CREATE INDEX instance_services_by_tool ON instance_services (tool_id, instance_id);

        CREATE INDEX operations_by_age ON operations (created_at, id);
        CREATE INDEX operations_by_status ON operations (status, created_at, id);
        CREATE INDEX operations_by_kind ON operations (kind, created_at, id);

        CREATE INDEX prompts_of_user_by_status ON prompts (user_id, status, created_at, id);
    """)

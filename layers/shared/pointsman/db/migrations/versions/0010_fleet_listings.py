"""The last complete listing of Railway's agents, for `status/batch`; indexes for what has changed since."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE fleet_listings (
            environment_id   TEXT PRIMARY KEY,
            project_id       TEXT NOT NULL,
            environment_name TEXT NOT NULL,
            listed_at        TIMESTAMPTZ NOT NULL
        );
        CREATE TABLE listed_services (
            environment_id TEXT NOT NULL REFERENCES fleet_listings (environment_id) ON DELETE CASCADE,
            service_id     TEXT NOT NULL,
            name           TEXT NOT NULL,
            status         TEXT,
            domain         TEXT,
            image          TEXT,
            PRIMARY KEY (environment_id, service_id)
        );
        CREATE INDEX instance_infra_by_age ON instance_infra (created_at);
        CREATE INDEX operation_resources_by_resource ON operation_resources (resource_id);
        CREATE INDEX operation_resources_services ON operation_resources (attempted_at)
            WHERE kind = 'service' AND state = 'created';
    """)

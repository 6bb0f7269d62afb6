"""The contract's two tables, created or brought up to date, and ours: operations, their steps, the journal."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    # The first two exist already where the original service has run; then only what it lacked is added.
    op.execute("""
        CREATE TABLE IF NOT EXISTS instance_infra (
            instance_id         TEXT PRIMARY KEY,
            provider            TEXT NOT NULL DEFAULT 'railway',
            provider_service_id TEXT NOT NULL UNIQUE,
            provider_env_id     TEXT NOT NULL,
            provider_project_id TEXT,
            url                 TEXT,
            deploy_status       TEXT,
            runtime_image       TEXT,
            volume_id           TEXT,
            created_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
            updated_at          TIMESTAMPTZ NOT NULL DEFAULT now()
        );
        ALTER TABLE instance_infra ADD COLUMN IF NOT EXISTS provider_project_id TEXT;
        ALTER TABLE instance_infra ADD COLUMN IF NOT EXISTS volume_id TEXT;

        CREATE TABLE IF NOT EXISTS instance_services (
            id            SERIAL PRIMARY KEY,
            instance_id   TEXT NOT NULL REFERENCES instance_infra (instance_id) ON DELETE CASCADE,
            tool_id       TEXT NOT NULL,
            resource_id   TEXT NOT NULL,
            resource_meta JSONB DEFAULT '{}',
            env_key       TEXT NOT NULL,
            env_value     TEXT,
            status        TEXT NOT NULL DEFAULT 'active',
            created_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
            UNIQUE (instance_id, tool_id)
        );
    """)
    op.execute("""
        CREATE TABLE operations (
            id          TEXT PRIMARY KEY,
            instance_id TEXT NOT NULL,
            kind        TEXT NOT NULL CHECK (kind IN ('create', 'destroy')),
            status      TEXT NOT NULL DEFAULT 'running'
                        CHECK (status IN ('running', 'succeeded', 'failed', 'leaked')),
            undoing     BOOLEAN NOT NULL DEFAULT false,
            request     JSONB NOT NULL,
            result      JSON,  -- as it was written: the keys keep their order
            error       JSON,
            created_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            updated_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
        );
        CREATE UNIQUE INDEX operations_one_running_per_instance ON operations (instance_id) WHERE status = 'running';
        CREATE INDEX operations_by_instance ON operations (instance_id, created_at DESC);

        CREATE TABLE operation_steps (
            operation_id TEXT NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
            name         TEXT NOT NULL,
            status       TEXT NOT NULL DEFAULT 'running'
                         CHECK (status IN ('running', 'succeeded', 'skipped', 'failed')),
            error        TEXT,
            started_at   TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            ended_at     TIMESTAMPTZ,
            PRIMARY KEY (operation_id, name)
        );

        CREATE TABLE operation_resources (
            id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            operation_id TEXT NOT NULL REFERENCES operations (id),
            instance_id  TEXT NOT NULL,
            provider     TEXT NOT NULL,
            kind         TEXT NOT NULL CHECK (kind IN ('service', 'volume', 'domain', 'tool')),
            plan         JSONB NOT NULL,
            state        TEXT NOT NULL DEFAULT 'intended'
                         CHECK (state IN ('intended', 'created', 'refused', 'deleted')),
            resource_id  TEXT,
            env          JSONB,
            meta         JSONB NOT NULL DEFAULT '{}',
            intended_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            attempted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            closed_by    TEXT REFERENCES operations (id),
            UNIQUE (operation_id, provider, kind)
        );
        CREATE INDEX operation_resources_open ON operation_resources (instance_id)
            WHERE state IN ('intended', 'created');
    """)

"""Add the columns, and drop the constraints, by which older versions of the contract's two tables differ."""

from alembic import op

revision = "0003"
down_revision = "0002"
CONTRACT = "These columns are required since revision 0001; only tables of a program before this one lack them"


def upgrade() -> None:
    # A column without a default that a table with rows lacks cannot be made up: then this fails and says which.
    op.execute("""
        ALTER TABLE instance_infra
            ADD COLUMN IF NOT EXISTS provider            TEXT NOT NULL DEFAULT 'railway',
            ADD COLUMN IF NOT EXISTS provider_env_id     TEXT NOT NULL,
            ADD COLUMN IF NOT EXISTS provider_project_id TEXT,
            ADD COLUMN IF NOT EXISTS url                 TEXT,
            ADD COLUMN IF NOT EXISTS deploy_status       TEXT,
            ADD COLUMN IF NOT EXISTS runtime_image       TEXT,
            ADD COLUMN IF NOT EXISTS volume_id           TEXT,
            ADD COLUMN IF NOT EXISTS created_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
            ADD COLUMN IF NOT EXISTS updated_at          TIMESTAMPTZ NOT NULL DEFAULT now();
        ALTER TABLE instance_services
            ADD COLUMN IF NOT EXISTS resource_id   TEXT NOT NULL,
            ADD COLUMN IF NOT EXISTS resource_meta JSONB DEFAULT '{}',
            ADD COLUMN IF NOT EXISTS env_key       TEXT NOT NULL,
            ADD COLUMN IF NOT EXISTS env_value     TEXT,
            ADD COLUMN IF NOT EXISTS status        TEXT NOT NULL DEFAULT 'active',
            ADD COLUMN IF NOT EXISTS created_at    TIMESTAMPTZ NOT NULL DEFAULT now();
    """)
    # Secrets that an older program kept here. We write none, so they may not be required.
    op.execute("""
        DO $$
        DECLARE
            legacy TEXT;
        BEGIN
            FOR legacy IN
                SELECT attname FROM pg_attribute
                WHERE attrelid = 'instance_infra'::regclass AND attnotnull AND NOT attisdropped
                AND attname IN ('gateway_token', 'setup_password', 'wallet_key')
            LOOP
                EXECUTE format('ALTER TABLE instance_infra ALTER COLUMN %I DROP NOT NULL', legacy);
            END LOOP;
        END $$;
    """)

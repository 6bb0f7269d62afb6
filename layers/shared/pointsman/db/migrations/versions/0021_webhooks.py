"""Webhooks, their deliveries, which are the outbox of the events, and the idempotency keys of requests about them."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE webhooks (
            id                    TEXT PRIMARY KEY,
            owner                 TEXT NOT NULL,
            url                   TEXT NOT NULL,
            events                TEXT[] NOT NULL,
            description           TEXT,
            is_enabled            BOOLEAN NOT NULL DEFAULT true,
            disabled_reason       TEXT,
            secret_version        INTEGER NOT NULL DEFAULT 1,
            previous_secret_until TIMESTAMPTZ,
            failing_since         TIMESTAMPTZ,
            created_at            TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            updated_at            TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
        );
        CREATE INDEX webhooks_of_owner ON webhooks (owner, created_at, id);

        CREATE TABLE webhook_deliveries (
            id              TEXT PRIMARY KEY,
            webhook_id      TEXT NOT NULL REFERENCES webhooks ON DELETE CASCADE,
            type            TEXT NOT NULL,
            body            TEXT NOT NULL,
            status          TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
            attempts        INTEGER NOT NULL DEFAULT 0,
            next_attempt_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            claim           TEXT,
            response_status INTEGER,
            error           TEXT,
            created_at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            updated_at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
        );
        CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, created_at, id);
        CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at)
            WHERE status = 'pending';
        CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (updated_at) WHERE status <> 'pending';

        CREATE TABLE webhook_requests (
            owner       TEXT NOT NULL,
            key         TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            result      JSONB NOT NULL,
            created_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (owner, key)
        );
        CREATE INDEX webhook_requests_by_age ON webhook_requests (created_at);
    """)

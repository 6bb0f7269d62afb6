"""What the schedules record for readers: totals over time, keys' spend, decisions about orphans, and their own runs."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute("""
        -- Lists by id are in the order of code points, whatever the database's collation is; so is the prefix of an id.
        DROP INDEX instance_infra_by_prefix;
        CREATE INDEX instance_infra_by_id ON instance_infra (instance_id COLLATE "C");
        CREATE INDEX instance_infra_by_status_and_id ON instance_infra (deploy_status, instance_id COLLATE "C");
        -- With the id, because many instances may have been created at the same moment: by a backfill.
        DROP INDEX instance_infra_by_age;
        CREATE INDEX instance_infra_by_creation ON instance_infra (created_at, instance_id);

        CREATE INDEX operation_steps_by_start ON operation_steps (started_at);

        -- The number of instances by status, every five minutes.
        CREATE TABLE fleet_history (
            at     TIMESTAMPTZ PRIMARY KEY,
            counts JSONB NOT NULL
        );

        -- OpenRouter's keys in USD, as the last complete listing had them. NULL for what it did not tell.
        CREATE TABLE key_spend (
            resource_id TEXT PRIMARY KEY,
            cap         FLOAT8,
            remaining   FLOAT8,
            usage       FLOAT8,
            cap_reset   TEXT,
            seen_at     TIMESTAMPTZ NOT NULL
        );

        CREATE TABLE orphan_decisions (
            id          TEXT NOT NULL DEFAULT gen_random_uuid()::text UNIQUE,
            provider    TEXT NOT NULL,
            kind        TEXT NOT NULL,
            resource_id TEXT NOT NULL,
            name        TEXT NOT NULL,
            first_seen  TIMESTAMPTZ NOT NULL,
            last_seen   TIMESTAMPTZ NOT NULL,
            sightings   INTEGER NOT NULL,
            decision    TEXT NOT NULL,
            reason      TEXT NOT NULL,
            decided_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (provider, kind, resource_id)
        );
        CREATE INDEX orphan_decisions_by_age ON orphan_decisions (first_seen, id);
        CREATE INDEX orphan_decisions_by_decision ON orphan_decisions (decision, first_seen, id);
        CREATE INDEX orphan_decisions_by_provider ON orphan_decisions (provider, first_seen, id);
        CREATE INDEX orphan_decisions_ended ON orphan_decisions (decided_at) WHERE decision IN ('deleted', 'resolved');

        -- The last run of each schedule. `ended_at` is NULL while it runs, and stays so if its process was killed.
        CREATE TABLE schedule_runs (
            name         TEXT PRIMARY KEY,
            known_since  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            started_at   TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            ended_at     TIMESTAMPTZ,
            error        TEXT,
            succeeded_at TIMESTAMPTZ
        );
    """)

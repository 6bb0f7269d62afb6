"""The audit log, to which rows can only be added, who asked for each operation, and whose destroys are held."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("""
        -- Who asked: kind, id, address, userAgent, requestId, details. NULL for operations of before.
        ALTER TABLE operations ADD COLUMN asked_by JSONB;

        CREATE INDEX operations_destroys_by_caller
            ON operations ((asked_by->>'kind'), (asked_by->>'id'), created_at) WHERE kind = 'destroy';

        -- When a destroy of a caller was held last, and under which limit.
        CREATE TABLE destroy_holds (
            kind      TEXT NOT NULL,
            caller    TEXT NOT NULL,
            max_count INTEGER NOT NULL,
            held_at   TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (kind, caller)
        );

        CREATE TABLE audit_log (
            id           UUID PRIMARY KEY DEFAULT gen_random_uuid(),
            at           TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            actor_kind   TEXT NOT NULL CHECK (actor_kind IN ('user', 'key', 'system')),
            actor        TEXT NOT NULL,
            address      TEXT NOT NULL DEFAULT '',
            user_agent   TEXT NOT NULL DEFAULT '',
            action       TEXT NOT NULL,
            target_kind  TEXT NOT NULL,
            target       TEXT NOT NULL,
            outcome      TEXT NOT NULL
                         CHECK (outcome IN ('started', 'succeeded', 'failed', 'leaked', 'unknown', 'skipped')),
            request_id   TEXT NOT NULL DEFAULT '',
            operation_id TEXT,
            details      JSONB NOT NULL DEFAULT '{}'
        );
        CREATE INDEX audit_log_by_time ON audit_log (at, id);
        CREATE INDEX audit_log_by_actor ON audit_log (actor, at, id);
        CREATE INDEX audit_log_by_action ON audit_log (action, at, id);
        CREATE INDEX audit_log_by_target ON audit_log (target, at, id);

        -- The owner of a table may do everything that it does not deny itself, so a trigger denies it too. Only the
        -- retention deletes: it says in its transaction how old a row must be, and that is at least 30 days.
        CREATE FUNCTION deny_audit_log_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE'
                AND OLD.at < now() - make_interval(secs => greatest(2592000,
                    nullif(current_setting('pointsman.audit_retention_seconds', true), '')::float8))
                AND current_setting('pointsman.audit_retention_seconds', true) <> ''
            THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'audit_log is append-only: % is not allowed', TG_OP
                USING ERRCODE = 'insufficient_privilege';
        END $$;
        CREATE TRIGGER audit_log_rows BEFORE UPDATE OR DELETE ON audit_log
            FOR EACH ROW EXECUTE FUNCTION deny_audit_log_change();
        CREATE TRIGGER audit_log_truncate BEFORE TRUNCATE ON audit_log
            FOR EACH STATEMENT EXECUTE FUNCTION deny_audit_log_change();
        REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC;
    """)

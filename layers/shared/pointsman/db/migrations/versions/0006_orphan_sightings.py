"""The table `orphan_sightings`: unknown resources at the providers, with their first and last sighting."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE orphan_sightings (
            provider    TEXT NOT NULL,
            kind        TEXT NOT NULL,
            resource_id TEXT NOT NULL,
            name        TEXT NOT NULL,
            first_seen  TIMESTAMPTZ NOT NULL,
            last_seen   TIMESTAMPTZ NOT NULL,
            sightings   INTEGER NOT NULL,
            reported_at TIMESTAMPTZ,
            PRIMARY KEY (provider, kind, resource_id)
        );
    """)

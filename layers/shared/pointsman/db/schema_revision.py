"""The schema's revision, as the migration has recorded it. Unlike `migrations.runner` this loads no Alembic."""

from .connection import Connection

__all__ = ["get_revision"]


def get_revision(connection: Connection) -> str | None:
    """Return the number of the last revision; None if there is none."""
    row = connection.execute("SELECT version_num FROM pointsman_schema_version").fetchone()
    return row["version_num"] if row else None

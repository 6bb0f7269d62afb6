"""Bring the schema up to date. Loads Alembic and SQLAlchemy, so only the `migrate` function may import this."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, pool, text

from ..errors import DatabaseUnavailable
from ..settings.database import DatabaseSettings

__all__ = ["upgrade"]


def upgrade() -> dict[str, str | None]:
    """Run the revisions that this database lacks, in one transaction. Any number of times, several callers at once.

    Returns the revision before and after: `{"from": …, "to": …}`. Raises DatabaseUnavailable.
    """
    url = DatabaseSettings.load().url
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, connect_timeout=5, application_name="pointsman-migrate"),
        poolclass=pool.NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('pointsman:migrate', 0))"))
            config.attributes["connection"] = connection
            before = _revision(connection)
            command.upgrade(config, "head")
            return {"from": before, "to": _revision(connection)}
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"The database cannot be reached ({type(error).__name__})") from None


def _revision(connection: object) -> str | None:
    options = {"version_table": "pointsman_schema_version"}
    return MigrationContext.configure(connection, opts=options).get_current_revision()  # type: ignore[arg-type]

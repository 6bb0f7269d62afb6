"""The upgrade of the schema. Loads Alembic and SQLAlchemy, so only the `migrate` function may import it."""

from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ...errors import DatabaseUnavailable, MigrationFailed
from ..locks import lock_migration
from .database import DATABASES_UNCHANGED, LOCK_TIMEOUT, MigrationConnection, connect, describe_error, translate_errors

__all__ = ["SchemaUpgrade", "upgrade_schema"]

_UPGRADE_FAILED = "The schema could not be brought up to date; nothing was changed"


@dataclass(frozen=True, slots=True)
class SchemaUpgrade:
    """An upgrade that is not committed yet: its connection, and the schema's revision before and after (None: none)."""

    connection: MigrationConnection
    from_revision: str | None
    to_revision: str | None


@contextmanager
def upgrade_schema(url: str) -> Generator[SchemaUpgrade]:
    """Run the revisions that the database lacks, then the block, in one transaction; commit it after both.

    It is idempotent, and concurrent callers wait for each other (`locks.lock_migration`). A schema that a newer release
    has left is not changed: revisions only add what older code can ignore.

    Args:
        url: The services database.

    Raises:
        DatabaseUnavailable: The database cannot be reached, or the connection was lost during the commit, so that the
            outcome is unknown.
        MigrationFailed: A revision, the block or the commit failed; nothing was changed.
    """
    with closing(connect(url, "The services database")) as services:
        engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: services, poolclass=NullPool)
        engine_connection: sqlalchemy.Connection | None = None
        try:
            with translate_errors(_UPGRADE_FAILED):
                try:
                    engine_connection = engine.connect()
                    before, after = _run_revisions(engine_connection, services)
                except DBAPIError as error:
                    raise (error.orig if isinstance(error.orig, psycopg.Error) else error) from None
                except CommandError as error:
                    raise MigrationFailed(f"{_UPGRADE_FAILED}: {error}") from None
            yield SchemaUpgrade(services, before, after)
            _commit(services)
        finally:
            if engine_connection is not None:
                # Rolls back an open transaction. On a lost connection that fails, and is not needed.
                with suppress(DBAPIError):
                    engine_connection.close()


def _run_revisions(
    engine_connection: sqlalchemy.Connection, services: MigrationConnection
) -> tuple[str | None, str | None]:
    # Without this, Alembic would begin a transaction itself, and commit it.
    engine_connection.begin()
    lock_migration(services)
    services.execute(LOCK_TIMEOUT)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = engine_connection
    before = _get_revision(engine_connection)
    if before is None or not _is_newer(before, ScriptDirectory.from_config(config)):
        command.upgrade(config, "head")
    return before, _get_revision(engine_connection)


def _is_newer(revision: str, scripts: ScriptDirectory) -> bool:
    """Return whether a newer release has made a revision. Revisions are numbers of four digits, counted upwards."""
    head = scripts.get_current_head() or ""
    return revision.isdigit() and len(revision) == len(head) and revision > head


def _commit(services: MigrationConnection) -> None:
    try:
        services.commit()
    except psycopg.Error as error:
        if error.sqlstate and error.sqlstate[:2] not in ("08", "57"):
            raise MigrationFailed(
                f"The migration could not be committed; {DATABASES_UNCHANGED}: {describe_error(error)}"
            ) from None
        raise DatabaseUnavailable(
            "The services database broke off at the commit, so the migration may have happened or not, except in the"
            " pool's database, which is as it was: run it again"
        ) from None


def _get_revision(engine_connection: sqlalchemy.Connection) -> str | None:
    return MigrationContext.configure(
        engine_connection, opts={"version_table": "pointsman_schema_version"}
    ).get_current_revision()

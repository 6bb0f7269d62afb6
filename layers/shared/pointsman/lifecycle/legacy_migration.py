"""The legacy migration: schema upgrade, backfill from the pool manager's database, drop of the legacy columns.

All changes of the services database are one transaction, and the pool's transaction is committed after it, so a failure
leaves both unchanged. The exception is a failure of the pool's commit: the error says so, and another run repairs it.
"""

from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from ..db.migrations import legacy_schema, pool_manager_schema
from ..db.migrations import runner as schema
from ..db.migrations.database import (
    DATABASES_UNCHANGED,
    MigrationConnection,
    connect,
    drop_columns,
    list_columns,
    translate_errors,
)
from ..errors import DatabaseUnavailable, MigrationFailed
from ..providers.registry import TOOLS
from ..settings.database import DatabaseSettings
from ..settings.secrets import clear_cache
from .resource_names import MOUNT_PATH

if TYPE_CHECKING:
    from ..providers.railway import RailwayClient

__all__ = ["migrate"]

_MAX_SHOWN_IDS = 3
"""Instance ids that an error names for each column that may not be dropped; the others are counted."""


_SERVICE_FACTS = ("deploy_status", "runtime_image")
"""Columns that say something about the row's service: without a `service_id` they name nothing that could be lost."""


def migrate(drop_legacy: bool) -> dict[str, object]:
    """Upgrade the schema, and backfill from the pool if there are no instances yet. Safe to run again.

    Args:
        drop_legacy: whether to drop the legacy columns of both databases too.

    Returns:
        `from` and `to`: the schema's revisions; `backfilled`: counts, or None; `dropped`: names of columns by database,
        if `drop_legacy`; `note`: what was left out and why.

    Raises:
        MissingSetting: a database's URL or a setting of Railway is missing.
        DatabaseUnavailable: a database cannot be reached.
        MigrationFailed: the message says why; both databases are unchanged.
    """
    # A warm sandbox may hold a URL from before a rotation; a migration is rare enough to read it each time.
    clear_cache()
    settings = DatabaseSettings.load()
    notes: list[str] = []
    dropped: dict[str, list[str]] = {}
    with ExitStack() as stack:
        pool_db: MigrationConnection | None = None
        with schema.upgrade_schema(settings.url) as upgrade:
            report: dict[str, object] = {"from": upgrade.from_revision, "to": upgrade.to_revision, "backfilled": None}
            with translate_errors(f"The backfill failed; {DATABASES_UNCHANGED}"):
                needs_backfill = bool(settings.pool_url) and legacy_schema.has_no_instances(upgrade.connection)
            if settings.pool_url and (needs_backfill or drop_legacy):
                with translate_errors(f"The {'backfill' if needs_backfill else 'drop'} failed; {DATABASES_UNCHANGED}"):
                    pool_db = stack.enter_context(closing(connect(settings.pool_url, "The pool's database")))
            if pool_db and needs_backfill:
                with translate_errors(f"The backfill failed; {DATABASES_UNCHANGED}"):
                    report["backfilled"] = _backfill(upgrade.connection, pool_db, notes)
            elif settings.pool_url:
                notes.append("nothing is backfilled: instance_infra has rows")
            if drop_legacy:
                with translate_errors(f"The drop failed; {DATABASES_UNCHANGED}"):
                    report["dropped"] = dropped = _drop_legacy_columns(upgrade.connection, pool_db, notes)
        if pool_db and dropped.get("pool"):
            try:
                with translate_errors("the pool's could not be committed"):
                    pool_db.commit()
            except MigrationFailed as error:
                raise DatabaseUnavailable(f"The services database is migrated, {error.message}: run it again") from None
    return {**report, "note": "; ".join(notes)} if notes else report


def _backfill(
    services_db: MigrationConnection, pool_db: MigrationConnection, notes: list[str]
) -> dict[str, int] | None:
    legacy_schema.lock_tables(services_db)
    if not legacy_schema.has_no_instances(services_db):
        notes.append("nothing is backfilled: instance_infra has rows")
        return None
    pool_manager_schema.begin_snapshot(pool_db)
    present = list_columns(pool_db, pool_manager_schema.TABLE)
    if "service_id" not in present:
        missing = f"column {pool_manager_schema.TABLE}.service_id" if present else f"table {pool_manager_schema.TABLE}"
        notes.append(f"nothing is backfilled: the pool has no {missing}")
        return None
    claimed_rows = [row for row in pool_manager_schema.list_rows(pool_db, present) if row.service_id]
    # No transaction of the pool's stays open during the calls of Railway.
    pool_db.rollback()
    if not claimed_rows:
        return {"instances": 0, "tools": 0, "volumesCompleted": 0, "withoutVolume": 0}
    from ..providers import railway

    provider = railway.get_client()
    missing_before = sum(row.volume_id is None for row in claimed_rows)
    if missing_before:
        volumes = _map_volume_by_service(provider)
        claimed_rows = [
            replace(row, volume_id=row.volume_id or volumes.get(row.service_id or "")) for row in claimed_rows
        ]
    missing_after = sum(row.volume_id is None for row in claimed_rows)
    legacy_schema.insert_instances(services_db, claimed_rows, provider.environment_id, provider.project_id)
    tools = [tool for row in claimed_rows for tool in _build_tool_rows(row)]
    legacy_schema.insert_tools(services_db, tools)
    return {
        "instances": len(claimed_rows),
        "tools": len(tools),
        "volumesCompleted": missing_before - missing_after,
        "withoutVolume": missing_after,
    }


def _map_volume_by_service(provider: "RailwayClient") -> dict[str, str]:
    """Return the volume id by service id; of several volumes the one at the instances' mount path."""
    volume_by_service: dict[str, str] = {}
    for volume in sorted(provider.list_volumes(), key=lambda volume: volume.mount_path != MOUNT_PATH):
        if volume.service_id:
            volume_by_service.setdefault(volume.service_id, volume.id)
    return volume_by_service


def _build_tool_rows(row: pool_manager_schema.PoolRow) -> list[dict[str, str | None]]:
    """Convert the tools of a pool row to rows of `instance_services`. The pool stored a key's hash, never the key."""
    env_values = {"openrouter": None, "agentmail": row.agentmail_inbox_id}
    return [
        {
            "instance_id": row.id,
            "tool_id": tool_id,
            "resource_id": resource_id,
            "env_key": TOOLS[tool_id].env_keys[0],
            "env_value": env_values[tool_id],
        }
        for tool_id, resource_id in _collect_resource_ids(row).items()
    ]


def _collect_resource_ids(row: pool_manager_schema.PoolRow) -> dict[str, str]:
    resource_ids = {"openrouter": row.openrouter_key_hash, "agentmail": row.agentmail_inbox_id}
    return {tool_id: resource_id for tool_id, resource_id in resource_ids.items() if resource_id}


def _drop_legacy_columns(
    services_db: MigrationConnection, pool_db: MigrationConnection | None, notes: list[str]
) -> dict[str, list[str]]:
    from_pool: list[str] = []
    if pool_db is None:
        notes.append("nothing is dropped from the pool: POOL_DATABASE_URL is not set")
    else:
        from_pool = _drop_pool_columns(services_db, pool_db)
    present = list_columns(services_db, legacy_schema.TABLE)
    from_services = [name for name in legacy_schema.LEGACY_COLUMNS if name in present]
    if from_services:
        drop_columns(services_db, legacy_schema.TABLE, from_services)
    return {"services": from_services, "pool": from_pool}


def _drop_pool_columns(services_db: MigrationConnection, pool_db: MigrationConnection) -> list[str]:
    pool_manager_schema.begin_snapshot(pool_db)
    if not list_columns(pool_db, pool_manager_schema.TABLE).intersection(pool_manager_schema.LEGACY_COLUMNS):
        return []
    legacy_schema.lock_tables(services_db)
    pool_manager_schema.lock_table(pool_db)
    present = list_columns(pool_db, pool_manager_schema.TABLE)
    names = [name for name in pool_manager_schema.LEGACY_COLUMNS if name in present]
    unbackfilled = _find_unbackfilled(
        pool_manager_schema.list_rows(pool_db, present), legacy_schema.load_instances(services_db)
    )
    if unbackfilled:
        raise MigrationFailed(
            f"Nothing was dropped; {DATABASES_UNCHANGED}: the pool holds what is not backfilled:"
            f" {_summarize_unbackfilled(unbackfilled)}"
        )
    if names:
        drop_columns(pool_db, pool_manager_schema.TABLE, names)
    return names


def _find_unbackfilled(
    rows: list[pool_manager_schema.PoolRow], known: dict[str, legacy_schema.KnownInstance]
) -> dict[str, list[str]]:
    """Find what the drop would lose: the ids of the rows by column."""
    unbackfilled: dict[str, list[str]] = {}
    for row in rows:
        stored = known.get(row.id)
        for column in pool_manager_schema.BACKFILLED_COLUMNS:
            if row.service_id is None and column in _SERVICE_FACTS:
                continue
            if getattr(row, column) is not None and not (stored and _is_backfilled(column, row, stored)):
                unbackfilled.setdefault(column, []).append(row.id)
    return unbackfilled


def _summarize_unbackfilled(unbackfilled: dict[str, list[str]]) -> str:
    """Say which rows hold it, and how they stop to: their resources are deleted, or stay without being known."""
    summary = "; ".join(f"{column} of {_summarize_ids(ids)}" for column, ids in unbackfilled.items())
    column, ids = next(iter(unbackfilled.items()))
    row_id = ids[0].replace("'", "''")
    # For people, and not run here.
    command = f"UPDATE {pool_manager_schema.TABLE} SET {column} = NULL WHERE id = '{row_id}'"  # noqa: S608
    return (
        f"{summary}. Look each up at its provider, delete there what nobody uses, empty the column in the pool's"
        f" database, as by {command}, and drop again; docs/migrate.md has all commands"
    )


def _is_backfilled(column: str, row: pool_manager_schema.PoolRow, stored: legacy_schema.KnownInstance) -> bool:
    """Return whether the services database has the value of this column of the pool's row."""
    if row.service_id is not None and row.service_id != stored.service_id:
        return False
    match column:
        case "volume_id":
            return row.volume_id == stored.volume_id
        case "openrouter_key_hash":
            return row.openrouter_key_hash == stored.tools.get("openrouter")
        case "agentmail_inbox_id":
            return row.agentmail_inbox_id == stored.tools.get("agentmail")
        case "deploy_status":
            # The status poller updates these two in the services database, so the values may differ.
            return stored.deploy_status is not None
        case "runtime_image":
            return stored.runtime_image is not None
        case _:
            return True


def _summarize_ids(ids: list[str]) -> str:
    shown = ", ".join(instance_id[:64] for instance_id in ids[:_MAX_SHOWN_IDS])
    return f"{shown} and {len(ids) - _MAX_SHOWN_IDS} more" if len(ids) > _MAX_SHOWN_IDS else shown

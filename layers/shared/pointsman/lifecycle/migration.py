"""Bringing an older installation up to date: the schema, what only the pool's database knows, and what may go then.

Everything in the services database is one transaction, and the pool's is committed after it, so that whatever fails
leaves both as they were. The one exception, a pool that fails at that last moment, is told and mended by another run.
"""

from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from ..db import legacy, pool
from ..db import migrate as schema
from ..db.migrating import UNCHANGED, Connection, columns, connect, drop_columns, failing
from ..errors import DatabaseUnavailable, MigrationFailed
from ..providers.registry import TOOLS
from ..settings.database import DatabaseSettings

if TYPE_CHECKING:
    from ..providers.railway import Railway

__all__ = ["migrate"]

_NAMED = 3
"""So many ids are named for each column that may not be dropped; the rest is counted."""


def migrate(drop: bool) -> dict[str, object]:
    """Bring the schema up to date, backfill from the pool, with `drop` drop the legacy columns; any number of times.

    Returns what was done, in revisions, counts and names of columns. Raises MissingSetting, DatabaseUnavailable,
    MigrationFailed.
    """
    settings = DatabaseSettings.load()
    notes: list[str] = []
    dropped: dict[str, list[str]] = {}
    with ExitStack() as open_until_the_end:
        pooled: Connection | None = None
        with schema.upgraded(settings.url) as services:
            report: dict[str, object] = {"from": services.before, "to": services.after, "backfilled": None}
            with failing(f"The backfill failed; {UNCHANGED}"):
                empty = bool(settings.pool_url) and legacy.is_empty(services.connection)
            if settings.pool_url and (empty or drop):
                with failing(f"The {'backfill' if empty else 'drop'} failed; {UNCHANGED}"):
                    pooled = open_until_the_end.enter_context(
                        closing(connect(settings.pool_url, "The pool's database"))
                    )
            if pooled and empty:
                with failing(f"The backfill failed; {UNCHANGED}"):
                    report["backfilled"] = _backfill(services.connection, pooled, notes)
            elif settings.pool_url:
                notes.append("nothing is backfilled: instance_infra has rows")
            if drop:
                with failing(f"The drop failed; {UNCHANGED}"):
                    report["dropped"] = dropped = _drop(services.connection, pooled, notes)
        if pooled and dropped.get("pool"):
            try:
                with failing("the pool's could not be committed"):
                    pooled.commit()
            except MigrationFailed as error:
                raise DatabaseUnavailable(f"The services database is migrated, {error.message}: run it again") from None
    return {**report, "note": "; ".join(notes)} if notes else report


def _backfill(services: Connection, pooled: Connection, notes: list[str]) -> dict[str, int] | None:
    legacy.hold(services)
    if not legacy.is_empty(services):
        notes.append("nothing is backfilled: instance_infra has rows")
        return None
    pool.snapshot(pooled)
    present = columns(pooled, pool.TABLE)
    if "service_id" not in present:
        missing = f"column {pool.TABLE}.service_id" if present else f"table {pool.TABLE}"
        notes.append(f"nothing is backfilled: the pool has no {missing}")
        return None
    taken = [row for row in pool.rows(pooled, present) if row.service_id]
    # Not held while Railway is asked.
    pooled.rollback()
    if not taken:
        return {"instances": 0, "tools": 0, "volumesCompleted": 0, "withoutVolume": 0}
    from ..providers import railway

    provider = railway.configured()
    lacking = sum(row.volume_id is None for row in taken)
    if lacking:
        volumes = _volumes(provider)
        taken = [replace(row, volume_id=row.volume_id or volumes.get(row.service_id or "")) for row in taken]
    without = sum(row.volume_id is None for row in taken)
    legacy.insert(services, taken, provider.environment_id, provider.project_id)
    tools = [tool for row in taken for tool in _tools(row)]
    legacy.insert_tools(services, tools)
    return {
        "instances": len(taken),
        "tools": len(tools),
        "volumesCompleted": lacking - without,
        "withoutVolume": without,
    }


def _volumes(provider: "Railway") -> dict[str, str]:
    """The volume of each service that has one: the one that instances keep their state on, if there are several."""
    from .create import MOUNT_PATH

    chosen: dict[str, str] = {}
    for volume in sorted(provider.list_volumes(), key=lambda one: one.mount_path != MOUNT_PATH):
        if volume.service_id:
            chosen.setdefault(volume.service_id, volume.id)
    return chosen


def _tools(row: pool.PoolRow) -> list[dict[str, str | None]]:
    """The tools of the pool's row as rows of `instance_services`. The pool never kept a key itself, only its hash."""
    env_values = {"openrouter": None, "agentmail": row.agentmail_inbox_id}
    return [
        {
            "instance_id": row.id,
            "tool_id": tool_id,
            "resource_id": resource_id,
            "env_key": TOOLS[tool_id].env_keys[0],
            "env_value": env_values[tool_id],
        }
        for tool_id, resource_id in _resources(row).items()
    ]


def _resources(row: pool.PoolRow) -> dict[str, str]:
    found = {"openrouter": row.openrouter_key_hash, "agentmail": row.agentmail_inbox_id}
    return {tool_id: resource_id for tool_id, resource_id in found.items() if resource_id}


def _drop(services: Connection, pooled: Connection | None, notes: list[str]) -> dict[str, list[str]]:
    from_pool: list[str] = []
    if pooled is None:
        notes.append("nothing is dropped from the pool: POOL_DATABASE_URL is not set")
    else:
        from_pool = _drop_from_pool(services, pooled)
    there = columns(services, legacy.TABLE)
    from_services = [name for name in legacy.LEGACY if name in there]
    if from_services:
        drop_columns(services, legacy.TABLE, from_services)
    return {"services": from_services, "pool": from_pool}


def _drop_from_pool(services: Connection, pooled: Connection) -> list[str]:
    pool.snapshot(pooled)
    if not columns(pooled, pool.TABLE).intersection(pool.LEGACY):
        return []
    legacy.hold(services)
    pool.hold(pooled)
    present = columns(pooled, pool.TABLE)
    names = [name for name in pool.LEGACY if name in present]
    lost = _lost(pool.rows(pooled, present), legacy.known(services))
    if lost:
        told = "; ".join(f"{column} of {_some(ids)}" for column, ids in lost.items())
        raise MigrationFailed(f"Nothing was dropped; {UNCHANGED}: the pool holds what is not backfilled: {told}")
    if names:
        drop_columns(pooled, pool.TABLE, names)
    return names


def _lost(rows: list[pool.PoolRow], known: dict[str, legacy.Known]) -> dict[str, list[str]]:
    """What the drop would lose: columns with the ids of their rows."""
    lost: dict[str, list[str]] = {}
    for row in rows:
        here = known.get(row.id)
        for column in pool.BACKFILLED:
            if getattr(row, column) is not None and not (here and _kept(column, row, here)):
                lost.setdefault(column, []).append(row.id)
    return lost


def _kept(column: str, row: pool.PoolRow, here: legacy.Known) -> bool:
    """Whether the services database holds what stands in this column of the pool's row."""
    if row.service_id is not None and row.service_id != here.service_id:
        return False
    match column:
        case "volume_id":
            return row.volume_id == here.volume_id
        case "openrouter_key_hash":
            return row.openrouter_key_hash == here.tools.get("openrouter")
        case "agentmail_inbox_id":
            return row.agentmail_inbox_id == here.tools.get("agentmail")
        case "deploy_status":
            # These two change, and the services database is where they are kept up to date.
            return here.deploy_status is not None
        case "runtime_image":
            return here.runtime_image is not None
        case _:
            return True


def _some(ids: list[str]) -> str:
    named = ", ".join(one[:64] for one in ids[:_NAMED])
    return f"{named} and {len(ids) - _NAMED} more" if len(ids) > _NAMED else named

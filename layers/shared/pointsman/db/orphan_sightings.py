"""The table `orphan_sightings`, and what the other tables know of the providers' resources."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .connection import Connection
from .rows import fetch_all

__all__ = [
    "KnownResources",
    "Sighting",
    "delete",
    "find_journaled_volumes",
    "list_for_provider",
    "load_known_resources",
    "lock_if_unchanged",
    "mark_reported",
    "replace_for_provider",
]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A row of `orphan_sightings`. Between `first_seen` and `last_seen` every listing had the resource, unknown."""

    provider: str
    kind: str
    resource_id: str
    name: str
    first_seen: datetime
    last_seen: datetime
    sightings: int
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownResources:
    """What is somebody's, at one moment: ids of resources; names, references and numbers under which something may be
    being made; instances with a running operation."""

    resource_ids: frozenset[str]
    names: frozenset[str]
    busy_instance_ids: frozenset[str]


def load_known_resources(connection: Connection) -> KnownResources:
    """Everything that a row, an open entry of the journal or a running operation names."""
    # One statement, so one moment: with two, an entry that becomes `created` in between would be in neither's answer.
    rows = connection.execute(
        "SELECT 'id' AS what, provider_service_id AS value FROM instance_infra"
        " UNION ALL SELECT 'id', volume_id FROM instance_infra WHERE volume_id IS NOT NULL"
        " UNION ALL SELECT 'id', resource_id FROM instance_services"
        " UNION ALL SELECT 'id', resource_id FROM operation_resources"
        "  WHERE state IN ('intended', 'created') AND resource_id IS NOT NULL"
        " UNION ALL SELECT 'name', plan.value FROM operation_resources, jsonb_each_text(plan) AS plan"
        "  WHERE state = 'intended' AND plan.value IS NOT NULL"
        " UNION ALL SELECT 'name', request->>'name' FROM operations"
        "  WHERE status = 'running' AND request->>'name' IS NOT NULL"
        " UNION ALL SELECT 'instance', instance_id FROM operations WHERE status = 'running'"
    ).fetchall()
    sets: dict[str, set[str]] = {"id": set(), "name": set(), "instance": set()}
    for row in rows:
        sets[row["what"]].add(row["value"])
    return KnownResources(frozenset(sets["id"]), frozenset(sets["name"]), frozenset(sets["instance"]))


def find_journaled_volumes(connection: Connection, volume_ids: Sequence[str]) -> set[str]:
    """Those of the volumes that the journal has ever had."""
    rows = connection.execute(
        "SELECT DISTINCT resource_id FROM operation_resources WHERE kind = 'volume' AND resource_id = ANY(%s)",
        (list(volume_ids),),
    ).fetchall()
    return {row["resource_id"] for row in rows}


def list_for_provider(connection: Connection, provider: str) -> list[Sighting]:
    return fetch_all(connection, Sighting, "SELECT * FROM orphan_sightings WHERE provider = %s", (provider,))


def replace_for_provider(connection: Connection, provider: str, sightings: Sequence[Sighting]) -> None:
    """Write what a complete listing has shown; what it lacks is forgotten."""
    connection.execute(
        "DELETE FROM orphan_sightings WHERE provider = %s AND NOT EXISTS"
        " (SELECT FROM unnest(%s::text[], %s::text[]) AS seen (kind, resource_id)"
        "  WHERE seen.kind = orphan_sightings.kind AND seen.resource_id = orphan_sightings.resource_id)",
        (provider, [one.kind for one in sightings], [one.resource_id for one in sightings]),
    )
    connection.execute(
        "INSERT INTO orphan_sightings (provider, kind, resource_id, name, first_seen, last_seen, sightings)"
        " SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::int[])"
        " ON CONFLICT (provider, kind, resource_id) DO UPDATE SET name = EXCLUDED.name,"
        " first_seen = EXCLUDED.first_seen, last_seen = EXCLUDED.last_seen, sightings = EXCLUDED.sightings,"
        " reported_at = CASE WHEN orphan_sightings.first_seen = EXCLUDED.first_seen"
        "  THEN orphan_sightings.reported_at END",
        (
            provider,
            [one.kind for one in sightings],
            [one.resource_id for one in sightings],
            [one.name for one in sightings],
            [one.first_seen for one in sightings],
            [one.last_seen for one in sightings],
            [one.sightings for one in sightings],
        ),
    )


def mark_reported(connection: Connection, sighting: Sighting) -> bool:
    """Write down that it has been reported; False if it was already, or is not seen any more."""
    cursor = connection.execute(
        "UPDATE orphan_sightings SET reported_at = clock_timestamp()"
        " WHERE provider = %s AND kind = %s AND resource_id = %s AND first_seen = %s AND reported_at IS NULL",
        (sighting.provider, sighting.kind, sighting.resource_id, sighting.first_seen),
    )
    return cursor.rowcount == 1


def lock_if_unchanged(connection: Connection, sighting: Sighting) -> bool:
    """Whether the sighting stands; holds other sweeps' hands off it until the transaction ends."""
    row = connection.execute(
        "SELECT FROM orphan_sightings WHERE provider = %s AND kind = %s AND resource_id = %s AND first_seen = %s"
        " FOR UPDATE",
        (sighting.provider, sighting.kind, sighting.resource_id, sighting.first_seen),
    ).fetchone()
    return row is not None


def delete(connection: Connection, sighting: Sighting) -> None:
    connection.execute(
        "DELETE FROM orphan_sightings WHERE provider = %s AND kind = %s AND resource_id = %s",
        (sighting.provider, sighting.kind, sighting.resource_id),
    )

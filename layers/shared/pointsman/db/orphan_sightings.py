"""The table `orphan_sightings`: unknown resources seen at providers; and which resources the other tables know."""

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
    """A row of `orphan_sightings`.

    Every listing from `first_seen` to `last_seen` had the resource, and no other table knew it. `reported_at` is None
    until it has been reported.
    """

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
    """The resources that the tables know at one moment.

    `names` are names, references and phone numbers under which a resource may be in creation. `busy_instance_ids` are
    instances with a running operation.
    """

    resource_ids: frozenset[str]
    names: frozenset[str]
    busy_instance_ids: frozenset[str]


def load_known_resources(connection: Connection) -> KnownResources:
    """Return everything that an instance's row, an open journal entry or a running operation names."""
    # One statement, so one snapshot: of two, neither would have an entry that becomes `created` in between.
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
    """Return those of the volumes that are in the journal, in open or closed entries."""
    rows = connection.execute(
        "SELECT DISTINCT resource_id FROM operation_resources WHERE kind = 'volume' AND resource_id = ANY(%s)",
        (list(volume_ids),),
    ).fetchall()
    return {row["resource_id"] for row in rows}


def list_for_provider(connection: Connection, provider: str) -> list[Sighting]:
    """Return the provider's sightings."""
    return fetch_all(connection, Sighting, "SELECT * FROM orphan_sightings WHERE provider = %s", (provider,))


def replace_for_provider(connection: Connection, provider: str, sightings: Sequence[Sighting]) -> None:
    """Replace the provider's sightings by those of a complete listing. `reported_at` is kept where `first_seen` is."""
    connection.execute(
        "DELETE FROM orphan_sightings WHERE provider = %s AND NOT EXISTS"
        " (SELECT FROM unnest(%s::text[], %s::text[]) AS seen (kind, resource_id)"
        "  WHERE seen.kind = orphan_sightings.kind AND seen.resource_id = orphan_sightings.resource_id)",
        (provider, [sighting.kind for sighting in sightings], [sighting.resource_id for sighting in sightings]),
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
            [sighting.kind for sighting in sightings],
            [sighting.resource_id for sighting in sightings],
            [sighting.name for sighting in sightings],
            [sighting.first_seen for sighting in sightings],
            [sighting.last_seen for sighting in sightings],
            [sighting.sightings for sighting in sightings],
        ),
    )


def mark_reported(connection: Connection, sighting: Sighting) -> bool:
    """Set `reported_at`; False if it was set already, or the sighting has been replaced."""
    cursor = connection.execute(
        "UPDATE orphan_sightings SET reported_at = clock_timestamp()"
        " WHERE provider = %s AND kind = %s AND resource_id = %s AND first_seen = %s AND reported_at IS NULL",
        (sighting.provider, sighting.kind, sighting.resource_id, sighting.first_seen),
    )
    return cursor.rowcount == 1


def lock_if_unchanged(connection: Connection, sighting: Sighting) -> bool:
    """Lock the sighting until the transaction ends; False if it has been replaced."""
    row = connection.execute(
        "SELECT FROM orphan_sightings WHERE provider = %s AND kind = %s AND resource_id = %s AND first_seen = %s"
        " FOR UPDATE",
        (sighting.provider, sighting.kind, sighting.resource_id, sighting.first_seen),
    ).fetchone()
    return row is not None


def delete(connection: Connection, sighting: Sighting) -> None:
    """Delete the sighting of a resource that has been deleted."""
    connection.execute(
        "DELETE FROM orphan_sightings WHERE provider = %s AND kind = %s AND resource_id = %s",
        (sighting.provider, sighting.kind, sighting.resource_id),
    )

"""The tables `fleet_listings` and `listed_services`: the agents of the last complete listing of Railway.

Listings lag behind creations, and age. So `read` adds the services that the journal says were created since, and leaves
out those that it says were deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg.rows import args_row

from .connection import Connection
from .fleet import GONE
from .instances import DESTROY_FAILED
from .rows import fetch_one

__all__ = ["FleetListing", "ListedAgent", "find", "read", "replace"]


class ListedAgent(NamedTuple):
    """An agent's service. A field is None if the listing lacks it. `domain` is without a scheme."""

    service_id: str
    name: str
    status: str | None
    domain: str | None
    image: str | None


@dataclass(frozen=True, slots=True)
class FleetListing:
    """A row of `fleet_listings`: when its listing began, and the seconds since then."""

    environment_id: str
    listed_at: datetime
    age_seconds: float


def replace(
    connection: Connection,
    project_id: str,
    environment_id: str,
    environment_name: str,
    listed_at: datetime,
    agents: Sequence[ListedAgent],
) -> bool:
    """Replace the environment's listing by a newer one; rows that are the same are not written.

    Args:
        connection: The connection of the transaction.
        project_id: The Railway project.
        environment_id: The environment that was listed.
        environment_name: The name by which the settings know it; empty if they know its id.
        listed_at: When the listing began, by the database's clock.
        agents: All agents of the environment, each once.

    Returns:
        False if the stored listing is as new; then nothing is written.
    """
    # First, because it locks the row: of two writers one waits here.
    cursor = connection.execute(
        "INSERT INTO fleet_listings AS old (environment_id, project_id, environment_name, listed_at)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (environment_id) DO UPDATE SET project_id = EXCLUDED.project_id,"
        "  environment_name = EXCLUDED.environment_name, listed_at = EXCLUDED.listed_at"
        " WHERE old.listed_at < EXCLUDED.listed_at",
        (environment_id, project_id, environment_name, listed_at),
    )
    if cursor.rowcount == 0:
        return False
    parameters = {
        "environment_id": environment_id,
        "ids": [agent.service_id for agent in agents],
        "names": [agent.name for agent in agents],
        "statuses": [agent.status for agent in agents],
        "domains": [agent.domain for agent in agents],
        "images": [agent.image for agent in agents],
    }
    connection.execute(
        "DELETE FROM listed_services AS old WHERE environment_id = %(environment_id)s AND NOT EXISTS"
        " (SELECT FROM unnest(%(ids)s::text[]) AS seen (service_id) WHERE seen.service_id = old.service_id)",
        parameters,
    )
    # The inner NOT EXISTS keeps unchanged rows out: ON CONFLICT would lock each, which is a write.
    connection.execute(
        "INSERT INTO listed_services (environment_id, service_id, name, status, domain, image)"
        " SELECT %(environment_id)s, seen.* FROM unnest(%(ids)s::text[], %(names)s::text[], %(statuses)s::text[],"
        "  %(domains)s::text[], %(images)s::text[]) AS seen (service_id, name, status, domain, image)"
        " WHERE NOT EXISTS (SELECT FROM listed_services AS old WHERE old.environment_id = %(environment_id)s"
        "  AND old.service_id = seen.service_id AND (old.name, old.status, old.domain, old.image)"
        "   IS NOT DISTINCT FROM (seen.name, seen.status, seen.domain, seen.image))"
        " ON CONFLICT (environment_id, service_id) DO UPDATE SET name = EXCLUDED.name, status = EXCLUDED.status,"
        "  domain = EXCLUDED.domain, image = EXCLUDED.image",
        parameters,
    )
    return True


def find(connection: Connection, project_id: str, environment_id: str, environment_name: str) -> FleetListing | None:
    """Return the newest listing of the environment, by its id or, where that is empty, by its name."""
    return fetch_one(
        connection,
        FleetListing,
        "SELECT environment_id, listed_at,"
        "  greatest(extract(epoch FROM clock_timestamp() - listed_at), 0)::float8 AS age_seconds"
        " FROM fleet_listings WHERE project_id = %(project)s AND (environment_id = %(id)s"
        "  OR (%(id)s = '' AND environment_name = %(name)s)) ORDER BY listed_at DESC LIMIT 1",
        {"project": project_id, "id": environment_id, "name": environment_name},
    )


def read(
    connection: Connection, listing: FleetListing, lag: timedelta, names: Sequence[str] = ()
) -> list[ListedAgent] | None:
    """Return the agents of the listing, with what was created and without what was deleted since it began.

    Args:
        connection: The connection of the transaction.
        listing: The environment's listing, as `find` returned it.
        lag: How long a new service may be missing from listings.
        names: Only services of these names; all if empty.

    Returns:
        The agents; or None if an instance is missing whose service's name is unknown, because another program has
        recorded it: then only Railway knows.
    """
    parameters = {
        "environment_id": listing.environment_id,
        "since": listing.listed_at - lag,
        "names": list(names) or None,
        "own_statuses": [DESTROY_FAILED, GONE],
    }
    unknown = connection.execute(
        f"SELECT FROM instance_infra AS infra WHERE provider = 'railway' AND {_IS_UNLISTED_SINCE} AND NOT EXISTS"
        f" (SELECT FROM operation_resources AS entry WHERE entry.resource_id = infra.provider_service_id"
        "   AND entry.kind = 'service') LIMIT 1",
        parameters,
    )
    if unknown.rowcount > 0:
        return None
    cursor = connection.cursor(row_factory=args_row(ListedAgent))
    return cursor.execute(
        f"SELECT * FROM ({_STILL_LISTED} UNION ALL {_CREATED_SINCE}) AS agent"
        " WHERE %(names)s::text[] IS NULL OR name = ANY(%(names)s::text[]) ORDER BY name, service_id",
        parameters,
    ).fetchall()


_IS_UNLISTED_SINCE = (
    "infra.provider_env_id = %(environment_id)s AND infra.created_at >= %(since)s AND NOT EXISTS"
    " (SELECT FROM listed_services AS listed WHERE listed.environment_id = %(environment_id)s"
    "  AND listed.service_id = infra.provider_service_id)"
)

_STILL_LISTED = (
    "SELECT service_id, name, status, domain, image FROM listed_services AS listed"
    " WHERE environment_id = %(environment_id)s AND NOT EXISTS (SELECT FROM operation_resources AS entry"
    "  WHERE entry.resource_id = listed.service_id AND entry.kind = 'service' AND entry.state = 'deleted' OFFSET 0)"
)
"""OFFSET 0 keeps the planner from joining: a look-up for each service, and not a scan of all that were ever deleted."""

_CREATED_SINCE = (
    "SELECT entry.resource_id, operation.request->>'name',"
    "  CASE WHEN infra.deploy_status <> ALL(%(own_statuses)s) THEN infra.deploy_status END,"
    "  coalesce(nullif(regexp_replace(infra.url, '^https://', ''), ''), domain.resource_id), infra.runtime_image"
    " FROM operation_resources AS entry"
    " JOIN operations AS operation ON operation.id = entry.operation_id AND operation.kind = 'create'"
    " LEFT JOIN instance_infra AS infra ON infra.provider_service_id = entry.resource_id"
    " LEFT JOIN operation_resources AS domain ON domain.operation_id = entry.operation_id"
    "  AND domain.provider = 'railway' AND domain.kind = 'domain' AND domain.state = 'created'"
    " WHERE entry.kind = 'service' AND entry.state = 'created' AND entry.attempted_at >= %(since)s"
    "  AND coalesce(infra.provider_env_id, %(environment_id)s) = %(environment_id)s"
    "  AND NOT EXISTS (SELECT FROM listed_services AS listed WHERE listed.environment_id = %(environment_id)s"
    "   AND listed.service_id = entry.resource_id)"
)
"""Services whose creation a listing of that age may lack. One without a row is still being created."""

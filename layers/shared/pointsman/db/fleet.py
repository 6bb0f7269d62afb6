"""All rows of `instance_infra` at once: updates from a listing of Railway, counts, and the rows for the dashboard.

Each function is one statement for the whole fleet, so that thousands of rows need one round trip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

from .connection import Connection
from .instances import DESTROY_FAILED

__all__ = [
    "GONE",
    "FleetInstance",
    "FleetTool",
    "ListedService",
    "count_by_status",
    "list_instances",
    "mark_gone",
    "update_from_listing",
]

GONE = "GONE"
"""The `deploy_status` of an instance whose service was absent from a complete listing."""

_UPDATABLE_ROWS = (
    "infra.provider = 'railway' AND infra.provider_env_id = %(environment_id)s"
    " AND infra.deploy_status IS DISTINCT FROM %(destroy_failed)s AND infra.updated_at <= %(listing_started_at)s"
    " AND NOT EXISTS (SELECT FROM operations"
    "  WHERE operations.instance_id = infra.instance_id AND operations.status = 'running')"
)
"""The rows that the listing may update: none with a running operation, none written since the listing began."""

_MERGED_VALUES = (
    "coalesce(seen.status, nullif(infra.deploy_status, %(gone)s)), coalesce(seen.url, infra.url),"
    " coalesce(seen.image, infra.runtime_image)"
)
"""The row's new values. A value that the listing lacks stays as it is stored, except GONE: the service was listed."""


class ListedService(NamedTuple):
    """A service in a listing. A field is None if the listing lacks it, or its value is unknown to us."""

    service_id: str
    status: str | None
    url: str | None
    image: str | None


@dataclass(frozen=True, slots=True)
class FleetTool:
    """A row of `instance_services` without its secret value. `meta` is any JSON; `created_at` is ISO 8601 in UTC."""

    tool_id: str
    resource_id: str
    env_key: str
    status: str
    meta: object
    created_at: str


@dataclass(frozen=True, slots=True)
class FleetInstance:
    """A row of `instance_infra` with its tools. `created` is its time; the others are ISO 8601 in UTC."""

    instance_id: str
    provider: str
    service_id: str
    environment_id: str
    project_id: str | None
    url: str | None
    deploy_status: str | None
    runtime_image: str | None
    volume_id: str | None
    created_at: str
    updated_at: str
    tools: list[FleetTool]
    created: datetime


def update_from_listing(
    connection: Connection, environment_id: str, listing_started_at: datetime, services: Sequence[ListedService]
) -> int:
    """Update the rows whose services a listing has; return how many rows changed.

    Args:
        connection: The connection of the transaction.
        environment_id: The Railway environment that was listed.
        listing_started_at: When the listing began, by the database's clock.
        services: The listed services.
    """
    return connection.execute(
        f"UPDATE instance_infra AS infra SET (deploy_status, url, runtime_image) = ({_MERGED_VALUES}),"
        " updated_at = clock_timestamp() FROM unnest("
        "  %(ids)s::text[], %(statuses)s::text[], %(urls)s::text[], %(images)s::text[]"
        " ) AS seen (service_id, status, url, image)"
        f" WHERE seen.service_id = infra.provider_service_id AND {_UPDATABLE_ROWS}"
        f" AND (infra.deploy_status, infra.url, infra.runtime_image) IS DISTINCT FROM ({_MERGED_VALUES})",
        {
            "gone": GONE,
            "destroy_failed": DESTROY_FAILED,
            "environment_id": environment_id,
            "listing_started_at": listing_started_at,
            "ids": [service.service_id for service in services],
            "statuses": [service.status for service in services],
            "urls": [service.url for service in services],
            "images": [service.image for service in services],
        },
    ).rowcount


def mark_gone(
    connection: Connection,
    environment_id: str,
    listing_started_at: datetime,
    services: Sequence[ListedService],
    min_age: timedelta,
) -> list[str]:
    """Set the status GONE for instances that a complete listing lacks; return the ids of the newly marked ones.

    Instances younger than `min_age` when the listing began are not marked: listings lag behind creations. The other
    arguments are those of `update_from_listing`.
    """
    rows = connection.execute(
        "UPDATE instance_infra AS infra SET deploy_status = %(gone)s, updated_at = clock_timestamp()"
        f" WHERE {_UPDATABLE_ROWS} AND infra.created_at < %(created_before)s"
        " AND infra.deploy_status IS DISTINCT FROM %(gone)s AND NOT EXISTS"
        " (SELECT FROM unnest(%(ids)s::text[]) AS seen (service_id) WHERE seen.service_id = infra.provider_service_id)"
        " RETURNING infra.instance_id",
        {
            "gone": GONE,
            "destroy_failed": DESTROY_FAILED,
            "environment_id": environment_id,
            "listing_started_at": listing_started_at,
            "created_before": listing_started_at - min_age,
            "ids": [service.service_id for service in services],
        },
    ).fetchall()
    return sorted(row["instance_id"] for row in rows)


def count_by_status(connection: Connection) -> dict[str | None, int]:
    """Return the number of instances by `deploy_status`."""
    rows = connection.execute("SELECT deploy_status, count(*) AS count FROM instance_infra GROUP BY deploy_status")
    return {row["deploy_status"]: row["count"] for row in rows}


def list_instances(connection: Connection, after: tuple[datetime, str] | None, limit: int) -> list[FleetInstance]:
    """Return instances with their tools, newest first. Reads no secret value.

    Args:
        connection: The connection of the transaction.
        after: `created` and id of the last instance of the page before; None for the first page.
        limit: The most instances.
    """
    rows = connection.execute(
        "SELECT instance_id, provider, provider_service_id AS service_id, provider_env_id AS environment_id,"
        " provider_project_id AS project_id, url, deploy_status, runtime_image, volume_id, created_at AS created,"
        f" {_iso_expression('created_at')} AS created_at, {_iso_expression('updated_at')} AS updated_at, coalesce("
        "  (SELECT json_agg(json_build_object('tool_id', tool_id, 'resource_id', resource_id, 'env_key', env_key,"
        f"  'status', status, 'meta', resource_meta, 'created_at', {_iso_expression('tool.created_at')}) ORDER BY id)"
        "  FROM instance_services AS tool WHERE tool.instance_id = infra.instance_id), '[]') AS tools"
        " FROM instance_infra AS infra WHERE %(after)s::timestamptz IS NULL OR infra.created_at < %(after)s"
        "  OR (infra.created_at = %(after)s AND instance_id > %(after_id)s)"
        " ORDER BY infra.created_at DESC, instance_id LIMIT %(limit)s",
        {"after": after and after[0], "after_id": after and after[1], "limit": limit},
    ).fetchall()
    for row in rows:
        row["tools"] = [FleetTool(**tool) for tool in row["tools"]]
    return [FleetInstance(**row) for row in rows]


def _iso_expression(column: LiteralString) -> LiteralString:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""

"""The rows of `instance_infra` as a fleet: updates from a listing of Railway, counts, and what readers see.

Each function is one statement for any number of rows, so that thousands of them need one round trip.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString, NamedTuple

from ..list_cursor import ListCursor
from .connection import Connection
from .instances import DESTROY_FAILED
from .rows import build_page_filter
from .webhook_outbox import emit_status_changes

__all__ = [
    "GONE",
    "FleetInstance",
    "FleetTool",
    "InstanceFilter",
    "InstanceSort",
    "KeySpend",
    "ListedService",
    "count_by_status",
    "get_instance",
    "list_page",
    "mark_gone",
    "update_from_listing",
]

GONE = "GONE"
"""The `deploy_status` of an instance whose service was absent from a complete listing."""

InstanceSort = Literal["created_desc", "created_asc", "id_asc", "id_desc"]
"""An order of a list: by time of creation, or by id in the order of code points."""

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


_CHANGED_STATUS = (
    "old.instance_id = infra.instance_id"
    " RETURNING infra.instance_id, infra.deploy_status AS status, old.deploy_status AS previous"
)
"""The end of an UPDATE that returns the instances with their status of before and after, for their events."""

_ID: LiteralString = 'infra.instance_id COLLATE "C"'
"""The id as the index `instance_infra_by_id` has it."""


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
class KeySpend:
    """A row of `key_spend`: what an instance's OpenRouter key may spend and has spent, in USD, at `seen_at`."""

    cap: float | None
    remaining: float | None
    usage: float | None
    cap_reset: str | None
    seen_at: str


@dataclass(frozen=True, slots=True)
class FleetInstance:
    """A row of `instance_infra` with its tools, and, if requested and known, its spend. Times are ISO 8601 in UTC."""

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
    spend: KeySpend | None = None


class InstanceFilter(NamedTuple):
    """What is listed: instances that fit all that is not None.

    Attributes:
        status: the `deploy_status`; an empty text is for instances without one.
        tool_id: a tool that the instance has.
        id_prefix: what its id begins with.
    """

    status: str | None = None
    tool_id: str | None = None
    id_prefix: str | None = None


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
    changed = connection.execute(
        f"UPDATE instance_infra AS infra SET (deploy_status, url, runtime_image) = ({_MERGED_VALUES}),"
        " updated_at = clock_timestamp() FROM unnest("
        "  %(ids)s::text[], %(statuses)s::text[], %(urls)s::text[], %(images)s::text[]"
        " ) AS seen (service_id, status, url, image), instance_infra AS old"
        f" WHERE seen.service_id = infra.provider_service_id AND {_UPDATABLE_ROWS}"
        f" AND (infra.deploy_status, infra.url, infra.runtime_image) IS DISTINCT FROM ({_MERGED_VALUES})"
        f" AND {_CHANGED_STATUS}",
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
    ).fetchall()
    emit_status_changes(connection, changed)
    return len(changed)


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
        f" FROM instance_infra AS old WHERE {_UPDATABLE_ROWS} AND infra.created_at < %(created_before)s"
        " AND infra.deploy_status IS DISTINCT FROM %(gone)s AND NOT EXISTS"
        " (SELECT FROM unnest(%(ids)s::text[]) AS seen (service_id) WHERE seen.service_id = infra.provider_service_id)"
        f" AND {_CHANGED_STATUS}",
        {
            "gone": GONE,
            "destroy_failed": DESTROY_FAILED,
            "environment_id": environment_id,
            "listing_started_at": listing_started_at,
            "created_before": listing_started_at - min_age,
            "ids": [service.service_id for service in services],
        },
    ).fetchall()
    emit_status_changes(connection, rows)
    return sorted(row["instance_id"] for row in rows)


def count_by_status(connection: Connection) -> dict[str | None, int]:
    """Return the number of instances by `deploy_status`."""
    rows = connection.execute("SELECT deploy_status, count(*) AS count FROM instance_infra GROUP BY deploy_status")
    return {row["deploy_status"]: row["count"] for row in rows}


def list_page(
    connection: Connection,
    which: InstanceFilter,
    after: ListCursor | None,
    limit: int,
    sort: InstanceSort = "created_desc",
    *,
    with_spend: bool = False,
) -> list[tuple[FleetInstance, ListCursor]]:
    """Return instances of the filter with their tools, by default the newest first, each with its place in the list.

    Args:
        connection: The connection of the transaction.
        which: The filter.
        after: The place of the last instance of the page before; None for the first page.
        limit: How many instances at most.
        sort: The order.
        with_spend: Whether to read what their keys spend.
    """
    has_tool = "tool.instance_id = infra.instance_id AND tool.tool_id = %s"
    prefix = None if which.id_prefix is None else re.sub(r"([\\%_])", r"\\\1", which.id_prefix) + "%"
    filters: list[tuple[LiteralString, object]] = [
        ("infra.deploy_status = %s", which.status or None),
        (f"EXISTS (SELECT FROM instance_services AS tool WHERE {has_tool})", which.tool_id),
        (f"{_ID} LIKE %s", prefix),
    ]
    comparison, direction = ("<", "DESC") if sort.endswith("_desc") else (">", "ASC")
    if sort.startswith("id"):
        filters.append((f"{_ID} {comparison} %s", after and after.id))
        after, order = None, f"{_ID} {direction}"
    else:
        order = f"infra.created_at {direction}, infra.instance_id {direction}"
    where, parameters = build_page_filter(filters, "infra.created_at, infra.instance_id", after, comparison)
    if which.status == "":
        where += " AND infra.deploy_status IS NULL"
    rows = connection.execute(
        f"{_select_instances(with_spend=with_spend)} WHERE {where} ORDER BY {order} LIMIT %s", [*parameters, limit]
    ).fetchall()
    return [_to_instance(row) for row in rows]


def get_instance(connection: Connection, instance_id: str) -> FleetInstance | None:
    """Return the instance with its tools and spend; None if there is none of this id. Reads no secret value."""
    query = f"{_select_instances(with_spend=True)} WHERE infra.instance_id = %s"
    row = connection.execute(query, (instance_id,)).fetchone()
    return None if row is None else _to_instance(row)[0]


def _to_instance(row: dict[str, Any]) -> tuple[FleetInstance, ListCursor]:
    place = ListCursor(row.pop("place"), row["instance_id"])
    row["tools"] = [FleetTool(**tool) for tool in row["tools"]]
    spend = row.pop("spend", None)
    return FleetInstance(**row, spend=spend and KeySpend(**spend)), place


def _iso_expression(column: LiteralString) -> LiteralString:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


_INSTANCE_COLUMNS: LiteralString = (
    "instance_id, provider, provider_service_id AS service_id, provider_env_id AS environment_id,"
    " provider_project_id AS project_id, url, deploy_status, runtime_image, volume_id, infra.created_at AS place,"
    f" {_iso_expression('created_at')} AS created_at, {_iso_expression('updated_at')} AS updated_at, coalesce("
    "  (SELECT json_agg(json_build_object('tool_id', tool_id, 'resource_id', resource_id, 'env_key', env_key,"
    f"  'status', status, 'meta', resource_meta, 'created_at', {_iso_expression('tool.created_at')}) ORDER BY id)"
    "  FROM instance_services AS tool WHERE tool.instance_id = infra.instance_id), '[]') AS tools"
)
"""A `FleetInstance` with its tools, and as `place` its exact time of creation."""

_SPEND_COLUMN: LiteralString = (
    "(SELECT json_build_object('cap', cap, 'remaining', remaining, 'usage', usage, 'cap_reset', cap_reset,"
    f"  'seen_at', {_iso_expression('seen_at')}) FROM instance_services AS tool JOIN key_spend USING (resource_id)"
    "  WHERE tool.instance_id = infra.instance_id AND tool.tool_id = 'openrouter') AS spend"
)


def _select_instances(*, with_spend: bool) -> LiteralString:
    columns = f"{_INSTANCE_COLUMNS}, {_SPEND_COLUMN}" if with_spend else _INSTANCE_COLUMNS
    return f"SELECT {columns} FROM instance_infra AS infra"

"""The stored instances as the dashboard shows them, without secrets."""

import sys
from collections import Counter
from typing import cast, get_args

from ..db import fleet, operation_pages
from ..db.connection import Connection, run_in_transaction
from ..db.fleet import InstanceFilter, InstanceSort
from ..db.operation_pages import OperationFilter, OperationSummary
from ..errors import NotFound
from ..json_values import as_object
from ..list_cursor import ListCursor, format_cursor
from ..providers.registry import TOOLS
from ..redaction import redact
from ..response_size import count_fitting
from .list_parameters import parse_choice, parse_id, parse_page_request
from .operation_list import serialize_summary
from .resource_names import AGENT_PREFIX

__all__ = ["MAX_STORED", "SORTS", "get_instance", "list_instance_page", "list_stored_instances"]

MAX_STORED = 5000
"""The most instances of a page of all that are stored."""

SORTS: tuple[InstanceSort, ...] = get_args(InstanceSort)
"""The orders of a list of instances, the default first."""

UNKNOWN_STATUS = "UNKNOWN"
"""The filter for instances without a `deployStatus`."""

_MAX_OPERATIONS = 20
"""How many operations are shown with an instance."""

_PUBLIC_META_FIELDS: dict[str, frozenset[str]] = {
    "openrouter": frozenset(
        {
            "limit",
            "limit_remaining",
            "limit_reset",
            "usage",
            "usage_daily",
            "usage_weekly",
            "usage_monthly",
            "disabled",
            "created_at",
            "expires_at",
        }
    ),
    "agentmail": frozenset({"address", "display_name", "created_at"}),
    "telnyx": frozenset({"order_id", "number_id", "messaging_profile_id", "status", "created_at"}),
}
"""The public fields of each tool's meta. Not among them: OpenRouter's `label`, which contains a part of the key."""


def list_stored_instances(limit: int = MAX_STORED, cursor: str | None = None) -> dict[str, object]:
    """List all instances with their tools, newest first, or as many as fit into a response.

    Args:
        limit: the most instances.
        cursor: the `nextCursor` of the page before.

    Returns:
        `instances`, and `nextCursor` if there are more.

    Raises:
        InvalidInput: the cursor is wrong.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    after, _ = parse_page_request(cursor, None)
    return _list_page(InstanceFilter(), after, limit, SORTS[0], with_spend=False)


def list_instance_page(
    *,
    status: str | None = None,
    tool: str | None = None,
    search: str | None = None,
    sort: str | None = None,
    cursor: str | None = None,
    limit: str | None = None,
    totals: str | None = None,
) -> dict[str, object]:
    """List a page of instances with their tools as JSON, by default the newest first.

    Args:
        status: the `deployStatus`; `UNKNOWN` is for instances without one.
        tool: a tool that the instance has.
        search: what the instance's id, or its service's name, begins with.
        sort: one of `SORTS`.
        cursor: the `nextCursor` of the page before, which had the same order.
        limit: how many instances at most, 1 to 200; 50 by default.
        totals: `true` to count all instances by status, whatever the filters are.

    Returns:
        `instances`, `nextCursor` if there are more, and the `totals` that were asked for, the largest first.

    Raises:
        InvalidInput: a value is wrong; the message says what it must be.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    wanted_status, prefix = parse_id("status", status), parse_id("search", search)
    which = InstanceFilter(
        "" if wanted_status == UNKNOWN_STATUS else wanted_status,
        parse_choice("tool", tool, tuple(TOOLS)),
        prefix and prefix.removeprefix(AGENT_PREFIX),
    )
    after, count = parse_page_request(cursor, limit)
    wants_totals = parse_choice("totals", totals, ("true", "false")) == "true"
    order = cast(InstanceSort, parse_choice("sort", sort, SORTS) or SORTS[0])
    page = _list_page(which, after, count, order, with_spend=True)
    if wants_totals:
        page["totals"] = _list_totals(run_in_transaction(fleet.count_by_status))
    return page


def _list_page(
    which: InstanceFilter, after: ListCursor | None, limit: int, sort: InstanceSort, *, with_spend: bool
) -> dict[str, object]:
    found = run_in_transaction(fleet.list_page, which, after, limit + 1, sort, with_spend=with_spend)
    serialize = _serialize_with_spend if with_spend else _serialize_instance
    instances = [serialize(row) for row, _ in found[:limit]]
    instances = instances[: count_fitting(instances)]
    page: dict[str, object] = {"instances": instances}
    if len(found) > len(instances):
        page["nextCursor"] = format_cursor(found[len(instances) - 1][1])
    return page


def _list_totals(counts: dict[str | None, int]) -> list[dict[str, object]]:
    """Make the totals as JSON. Other programs write the status too, so it may be empty."""
    known: Counter[str] = Counter()
    for status, count in counts.items():
        known[status or UNKNOWN_STATUS] += count
    return [{"status": status, "count": count} for status, count in known.most_common()]


def get_instance(instance_id: str) -> dict[str, object]:
    """Return the instance with its tools, and its newest operations as `operations`, as JSON.

    Raises:
        NotFound: there is no such instance, or none any more.
        DatabaseUnavailable: Postgres cannot be reached.
    """

    def load(db: Connection) -> tuple[fleet.FleetInstance | None, list[OperationSummary]]:
        which = OperationFilter(instance_id=instance_id)
        return fleet.get_instance(db, instance_id), operation_pages.list_newest(db, which, None, _MAX_OPERATIONS)

    row, operations = run_in_transaction(load)
    if row is None:
        raise NotFound(f"Instance {instance_id[:256]} not found; GET /operations?instanceId=… has its operations")
    return {**_serialize_with_spend(row), "operations": [serialize_summary(operation) for operation in operations]}


def _serialize_instance(row: fleet.FleetInstance) -> dict[str, object]:
    return {
        "instanceId": row.instance_id,
        "provider": row.provider,
        "serviceId": row.service_id,
        "environmentId": row.environment_id,
        "projectId": row.project_id,
        "url": row.url,
        "deployStatus": row.deploy_status,
        "runtimeImage": row.runtime_image,
        "volumeId": row.volume_id,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "tools": [
            {
                "toolId": tool.tool_id,
                "resourceId": tool.resource_id,
                "envKey": tool.env_key,
                "status": tool.status,
                "meta": _filter_meta(tool),
                "createdAt": tool.created_at,
            }
            for tool in row.tools
        ],
    }


def _serialize_with_spend(row: fleet.FleetInstance) -> dict[str, object]:
    return {**_serialize_instance(row), "spend": row.spend and _serialize_spend(row.spend)}


def _serialize_spend(spend: fleet.KeySpend) -> dict[str, object]:
    return {
        "limit": spend.cap,
        "limitRemaining": spend.remaining,
        "limitReset": spend.cap_reset,
        "usage": spend.usage,
        "asOf": spend.seen_at,
    }


def _filter_meta(tool: fleet.FleetTool) -> dict[str, object]:
    """Return the public fields of a tool's meta. Older programs write this column too, so it may hold any JSON."""
    allowed = _PUBLIC_META_FIELDS.get(tool.tool_id, frozenset())
    return {name: value for name, value in as_object(tool.meta).items() if name in allowed and _is_safe_value(value)}


def _is_safe_value(value: object) -> bool:
    """Return whether the value is a string that contains nothing to redact, or a number that a double holds."""
    if isinstance(value, str):
        return redact(value) == value
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max

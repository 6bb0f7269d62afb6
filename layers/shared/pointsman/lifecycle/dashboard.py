"""The stored instances as the dashboard shows them, without secrets."""

from ..cursors import cursor_pattern, format_cursor, parse_cursor
from ..db import connection, fleet
from ..errors import InvalidInput
from ..json_values import as_object
from ..redaction import redact
from ..response_size import count_fitting
from .input_rules import EXISTING_ID_PATTERN

__all__ = ["CURSOR_PATTERN", "MAX_LIMIT", "list_stored_instances"]

MAX_LIMIT = 5000
"""The most instances of a page."""

CURSOR_PATTERN = cursor_pattern(EXISTING_ID_PATTERN)
"""What a cursor matches in full."""

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


def list_stored_instances(limit: int = MAX_LIMIT, cursor: str | None = None) -> dict[str, object]:
    """List a page of the instances with their tools, newest first, without the values of variables.

    Args:
        limit: the most instances, 1 to 5000; a page has fewer where they would not fit into a response.
        cursor: the `nextCursor` of the page before.

    Returns:
        `instances`, and `nextCursor` if there are more.

    Raises:
        InvalidInput: the cursor is wrong.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    after = parse_cursor(cursor, EXISTING_ID_PATTERN) if cursor else None
    if cursor and after is None:
        raise InvalidInput("cursor must be the nextCursor of a page of this list")
    rows = connection.run_in_transaction(fleet.list_instances, after, limit + 1)
    instances = [_to_dashboard_instance(row) for row in rows[:limit]]
    instances = instances[: count_fitting(instances)]
    page: dict[str, object] = {"instances": instances}
    if len(rows) > len(instances):
        last = rows[len(instances) - 1]
        page["nextCursor"] = format_cursor(last.created, last.instance_id)
    return page


def _to_dashboard_instance(row: fleet.FleetInstance) -> dict[str, object]:
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


def _filter_meta(tool: fleet.FleetTool) -> dict[str, object]:
    """Return the public fields of a tool's meta. Older programs write this column too, so it may hold any JSON."""
    allowed = _PUBLIC_META_FIELDS.get(tool.tool_id, frozenset())
    return {name: value for name, value in as_object(tool.meta).items() if name in allowed and _is_safe_value(value)}


def _is_safe_value(value: object) -> bool:
    """Return whether the value is a string or number that contains nothing to redact."""
    return isinstance(value, str | int | float) and redact(str(value)) == str(value)

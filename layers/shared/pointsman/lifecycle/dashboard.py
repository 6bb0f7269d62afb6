"""The stored instances as the dashboard shows them, without secrets."""

import sys

from ..db import connection, fleet
from ..json_values import as_object
from ..redaction import redact

__all__ = ["list_stored_instances"]

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


def list_stored_instances() -> list[dict[str, object]]:
    """List every instance with its tools, newest first, without the values of variables."""
    return [_to_dashboard_instance(row) for row in connection.run_in_transaction(fleet.list_instances)]


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
    """Return whether the value is a string that contains nothing to redact, or a number that a double holds."""
    if isinstance(value, str):
        return redact(value) == value
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max

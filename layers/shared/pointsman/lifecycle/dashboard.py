"""The instances as people are shown them: as they are stored, and no secret."""

from ..db import connection, fleet
from ..providers.masking import mask
from ..providers.reading import mapping

__all__ = ["instances"]

_FACTS: dict[str, frozenset[str]] = {
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
"""What is shown of a tool's meta: what the providers here write, but a key's label, which holds a part of the key."""


def instances() -> list[dict[str, object]]:
    """Every instance with its tools, newest first, never with a variable's value."""
    return [_shown(row) for row in connection.run(fleet.everything)]


def _shown(row: fleet.Shown) -> dict[str, object]:
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
                "meta": _facts(tool),
                "createdAt": tool.created_at,
            }
            for tool in row.tools
        ],
    }


def _facts(tool: fleet.ShownTool) -> dict[str, object]:
    """The meta that may be shown. Older programs wrote it too, so it may be no object, and hold anything."""
    allowed = _FACTS.get(tool.tool_id, frozenset())
    return {name: value for name, value in mapping(tool.meta).items() if name in allowed and _harmless(value)}


def _harmless(value: object) -> bool:
    """Whether the value is plain, and nothing in it would have to be masked."""
    return isinstance(value, str | int | float) and mask(str(value)) == str(value)

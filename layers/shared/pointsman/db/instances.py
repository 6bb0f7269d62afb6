"""The tables `instance_infra` and `instance_services` (contract, "Database"), which other programs read too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from .connection import Connection
from .rows import fetch_all, fetch_one
from .webhook_outbox import emit_fleet_event, emit_status_changes

__all__ = [
    "DESTROY_FAILED",
    "InstanceRow",
    "ToolRow",
    "delete",
    "delete_tool",
    "exists",
    "find_instances_using",
    "get",
    "has_service",
    "insert",
    "insert_tool",
    "list_tools",
    "mark_destroy_failed",
    "mark_tool_destroy_failed",
]

DESTROY_FAILED = "DESTROY_FAILED"
"""The `deploy_status` of an instance whose destroy operation could not delete everything."""


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """The columns of `instance_infra` that operations need."""

    instance_id: str
    provider_service_id: str
    volume_id: str | None
    deploy_status: str | None


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A row of `instance_services`. `env_value` may be a secret."""

    tool_id: str
    resource_id: str
    env_key: str
    env_value: str | None = field(repr=False)
    resource_meta: Mapping[str, Any]


def exists(connection: Connection, instance_id: str) -> bool:
    """Return whether the instance has a row."""
    return (
        connection.execute("SELECT FROM instance_infra WHERE instance_id = %s", (instance_id,)).fetchone() is not None
    )


def get(connection: Connection, instance_id: str) -> InstanceRow | None:
    """Return the instance's row; None if there is none."""
    return fetch_one(
        connection,
        InstanceRow,
        "SELECT instance_id, provider_service_id, volume_id, deploy_status FROM instance_infra WHERE instance_id = %s",
        (instance_id,),
    )


def has_service(connection: Connection, service_id: str) -> bool:
    """Return whether an instance has this service of Railway."""
    query = "SELECT FROM instance_infra WHERE provider_service_id = %s"
    return connection.execute(query, (service_id,)).fetchone() is not None


def list_tools(connection: Connection, instance_id: str) -> list[ToolRow]:
    """Return the instance's tools, oldest first."""
    return fetch_all(
        connection,
        ToolRow,
        "SELECT tool_id, resource_id, env_key, env_value, coalesce(resource_meta, '{}') AS resource_meta"
        " FROM instance_services WHERE instance_id = %s ORDER BY id",
        (instance_id,),
    )


def insert(connection: Connection, columns: Mapping[str, object], tools: Sequence[ToolRow]) -> None:
    """Insert an instance and its tools. `columns` maps columns of `instance_infra` to values."""
    connection.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, provider_project_id, url,"
        " deploy_status, runtime_image, volume_id) VALUES (%(instance_id)s, %(provider_service_id)s,"
        " %(provider_env_id)s, %(provider_project_id)s, %(url)s, %(deploy_status)s, %(runtime_image)s, %(volume_id)s)",
        columns,
    )
    for tool in tools:
        insert_tool(connection, str(columns["instance_id"]), tool)
    created = {"instanceId": columns["instance_id"], "deployStatus": columns["deploy_status"]}
    emit_fleet_event(connection, "instance.created", created)


def insert_tool(connection: Connection, instance_id: str, tool: ToolRow) -> None:
    """Insert a tool of the instance."""
    connection.execute(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, resource_meta, env_key, env_value)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (instance_id, tool.tool_id, tool.resource_id, Jsonb(dict(tool.resource_meta)), tool.env_key, tool.env_value),
    )


def find_instances_using(connection: Connection, tool_id: str, resource_id: str) -> set[str]:
    """Return the ids of the instances whose rows name this resource of a tool."""
    query = "SELECT instance_id FROM instance_services WHERE tool_id = %s AND resource_id = %s"
    return {row["instance_id"] for row in connection.execute(query, (tool_id, resource_id)).fetchall()}


def mark_destroy_failed(connection: Connection, instance_id: str, remaining_tool_ids: Sequence[str]) -> None:
    """Mark in the rows that the destroy is incomplete, and which tools remain."""
    changed = connection.execute(
        "UPDATE instance_infra AS infra SET deploy_status = %s, updated_at = now() FROM instance_infra AS old"
        " WHERE infra.instance_id = %s AND old.instance_id = infra.instance_id"
        " RETURNING infra.instance_id, infra.deploy_status AS status, old.deploy_status AS previous",
        (DESTROY_FAILED, instance_id),
    ).fetchall()
    emit_status_changes(connection, changed)
    connection.execute(
        "UPDATE instance_services SET status = CASE WHEN tool_id = ANY(%s) THEN 'destroy_failed' ELSE 'destroyed' END"
        " WHERE instance_id = %s",
        (list(remaining_tool_ids), instance_id),
    )


def mark_tool_destroy_failed(connection: Connection, instance_id: str, tool_id: str, resource_id: str) -> None:
    """Mark in the tool's row that it could not be destroyed."""
    connection.execute(
        "UPDATE instance_services SET status = 'destroy_failed'"
        " WHERE instance_id = %s AND tool_id = %s AND resource_id = %s",
        (instance_id, tool_id, resource_id),
    )


def delete_tool(connection: Connection, instance_id: str, tool_id: str, resource_id: str) -> None:
    """Delete the tool's row, if it still names this resource."""
    connection.execute(
        "DELETE FROM instance_services WHERE instance_id = %s AND tool_id = %s AND resource_id = %s",
        (instance_id, tool_id, resource_id),
    )


def delete(connection: Connection, instance_id: str) -> None:
    """Delete the instance's row and its tools' rows."""
    if connection.execute("DELETE FROM instance_infra WHERE instance_id = %s", (instance_id,)).rowcount:
        emit_fleet_event(connection, "instance.destroyed", {"instanceId": instance_id})

"""The contract's tables `instance_infra` and `instance_services`, which other programs read too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from .connection import Connection
from .rows import fetch_all, fetch_one

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
"""The `deploy_status` of an instance whose destroy could not delete everything."""


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """The row of `instance_infra` as far as it is used here."""

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
    return (
        connection.execute("SELECT FROM instance_infra WHERE instance_id = %s", (instance_id,)).fetchone() is not None
    )


def get(connection: Connection, instance_id: str) -> InstanceRow | None:
    return fetch_one(
        connection,
        InstanceRow,
        "SELECT instance_id, provider_service_id, volume_id, deploy_status FROM instance_infra WHERE instance_id = %s",
        (instance_id,),
    )


def has_service(connection: Connection, service_id: str) -> bool:
    """Whether a service at Railway belongs to an instance already."""
    query = "SELECT FROM instance_infra WHERE provider_service_id = %s"
    return connection.execute(query, (service_id,)).fetchone() is not None


def list_tools(connection: Connection, instance_id: str) -> list[ToolRow]:
    return fetch_all(
        connection,
        ToolRow,
        "SELECT tool_id, resource_id, env_key, env_value, coalesce(resource_meta, '{}') AS resource_meta"
        " FROM instance_services WHERE instance_id = %s ORDER BY id",
        (instance_id,),
    )


def insert(connection: Connection, columns: Mapping[str, object], tools: Sequence[ToolRow]) -> None:
    """Write an instance and its tools. `infra` maps columns of `instance_infra` to values."""
    connection.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, provider_project_id, url,"
        " deploy_status, runtime_image, volume_id) VALUES (%(instance_id)s, %(provider_service_id)s,"
        " %(provider_env_id)s, %(provider_project_id)s, %(url)s, %(deploy_status)s, %(runtime_image)s, %(volume_id)s)",
        columns,
    )
    for tool in tools:
        insert_tool(connection, str(columns["instance_id"]), tool)


def insert_tool(connection: Connection, instance_id: str, tool: ToolRow) -> None:
    connection.execute(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, resource_meta, env_key, env_value)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (instance_id, tool.tool_id, tool.resource_id, Jsonb(dict(tool.resource_meta)), tool.env_key, tool.env_value),
    )


def find_instances_using(connection: Connection, tool_id: str, resource_id: str) -> set[str]:
    """The instances whose rows name this resource."""
    query = "SELECT instance_id FROM instance_services WHERE tool_id = %s AND resource_id = %s"
    return {row["instance_id"] for row in connection.execute(query, (tool_id, resource_id)).fetchall()}


def mark_destroy_failed(connection: Connection, instance_id: str, remaining_tool_ids: Sequence[str]) -> None:
    """Show in the rows that a destroy is unfinished, and which tools it could not delete yet."""
    connection.execute(
        "UPDATE instance_infra SET deploy_status = %s, updated_at = now() WHERE instance_id = %s",
        (DESTROY_FAILED, instance_id),
    )
    connection.execute(
        "UPDATE instance_services SET status = CASE WHEN tool_id = ANY(%s) THEN 'destroy_failed' ELSE 'destroyed' END"
        " WHERE instance_id = %s",
        (list(remaining_tool_ids), instance_id),
    )


def mark_tool_destroy_failed(connection: Connection, instance_id: str, tool_id: str, resource_id: str) -> None:
    """Show in its row that a tool could not be destroyed."""
    connection.execute(
        "UPDATE instance_services SET status = 'destroy_failed'"
        " WHERE instance_id = %s AND tool_id = %s AND resource_id = %s",
        (instance_id, tool_id, resource_id),
    )


def delete_tool(connection: Connection, instance_id: str, tool_id: str, resource_id: str) -> None:
    connection.execute(
        "DELETE FROM instance_services WHERE instance_id = %s AND tool_id = %s AND resource_id = %s",
        (instance_id, tool_id, resource_id),
    )


def delete(connection: Connection, instance_id: str) -> None:
    """Delete the instance's rows, its tools' with them."""
    connection.execute("DELETE FROM instance_infra WHERE instance_id = %s", (instance_id,))

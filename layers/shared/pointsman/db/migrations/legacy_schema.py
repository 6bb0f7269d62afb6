"""The services database as an older program may have left it: reading, backfilling, dropping columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from .database import MigrationConnection
from .pool_manager_schema import PoolRow

__all__ = [
    "LEGACY_COLUMNS",
    "TABLE",
    "KnownInstance",
    "has_no_instances",
    "insert_instances",
    "insert_tools",
    "load_instances",
    "lock_tables",
]

TABLE = "instance_infra"
"""The table with the legacy columns."""
LEGACY_COLUMNS = ("gateway_token", "setup_password", "wallet_key")
"""Columns of `instance_infra` with secrets, which are not stored any more (contract, "Database")."""


@dataclass(frozen=True, slots=True)
class KnownInstance:
    """An instance in the services database. `tools` maps ids of tools to ids of their resources."""

    instance_id: str
    service_id: str
    deploy_status: str | None
    runtime_image: str | None
    volume_id: str | None
    tools: dict[str, str]


def has_no_instances(connection: MigrationConnection) -> bool:
    """Return whether the services database has no instance."""
    return connection.execute("SELECT FROM instance_infra LIMIT 1").fetchone() is None


def lock_tables(connection: MigrationConnection) -> None:
    """Block writes of others to instances and their tools until the transaction ends."""
    connection.execute("LOCK TABLE instance_infra, instance_services IN SHARE ROW EXCLUSIVE MODE")


def insert_instances(
    connection: MigrationConnection, rows: Iterable[PoolRow], environment_id: str, project_id: str
) -> None:
    """Insert a row of `instance_infra` for each row of the pool manager."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO instance_infra (instance_id, provider, provider_service_id, provider_env_id,"
            " provider_project_id, url, deploy_status, runtime_image, volume_id, created_at)"
            " VALUES (%s, 'railway', %s, %s, %s, %s, %s, %s, %s, coalesce(%s, now()))",
            [
                (
                    row.id,
                    row.service_id,
                    environment_id,
                    project_id,
                    row.url,
                    row.deploy_status,
                    row.runtime_image,
                    row.volume_id,
                    row.created_at,
                )
                for row in rows
            ],
        )


def insert_tools(connection: MigrationConnection, tools: Sequence[Mapping[str, str | None]]) -> None:
    """Insert rows of `instance_services`, each a mapping of its columns."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key, env_value)"
            " VALUES (%(instance_id)s, %(tool_id)s, %(resource_id)s, %(env_key)s, %(env_value)s)",
            tools,
        )


def load_instances(connection: MigrationConnection) -> dict[str, KnownInstance]:
    """Return all instances by their ids."""
    with connection.cursor(row_factory=class_row(KnownInstance)) as cursor:
        rows = cursor.execute(
            "SELECT i.instance_id, i.provider_service_id AS service_id, nullif(i.deploy_status, '') AS deploy_status,"
            " nullif(i.runtime_image, '') AS runtime_image, nullif(i.volume_id, '') AS volume_id,"
            " coalesce(jsonb_object_agg(s.tool_id, s.resource_id) FILTER (WHERE s.tool_id IS NOT NULL), '{}') AS tools"
            " FROM instance_infra i LEFT JOIN instance_services s USING (instance_id) GROUP BY i.instance_id"
        ).fetchall()
    return {row.instance_id: row for row in rows}

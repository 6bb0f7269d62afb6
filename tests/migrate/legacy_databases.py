"""Databases with the schemas and rows of older programs."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, cast
from urllib.parse import urlsplit, urlunsplit

from tests.harness.database import connect
from tests.harness.ids import unique_id
from tests.harness.paths import CHECKOUT

PROJECT, ENVIRONMENT = "sim-project", "sim-environment"
VERSIONS = CHECKOUT / "layers/shared/pointsman/db/migrations/versions"
HEAD = max(path.name[:4] for path in VERSIONS.glob("0*.py"))

INSTANCE_INFRA_COLUMNS = {
    "instance_id": "TEXT PRIMARY KEY",
    "provider": "TEXT NOT NULL DEFAULT 'railway'",
    "provider_service_id": "TEXT NOT NULL UNIQUE",
    "provider_env_id": "TEXT NOT NULL",
    "provider_project_id": "TEXT",
    "url": "TEXT",
    "deploy_status": "TEXT",
    "runtime_image": "TEXT",
    "volume_id": "TEXT",
    "created_at": "TIMESTAMPTZ NOT NULL DEFAULT now()",
    "updated_at": "TIMESTAMPTZ NOT NULL DEFAULT now()",
}
INSTANCE_SERVICES_COLUMNS = {
    "id": "SERIAL PRIMARY KEY",
    "instance_id": "TEXT NOT NULL REFERENCES instance_infra (instance_id) ON DELETE CASCADE",
    "tool_id": "TEXT NOT NULL",
    "resource_id": "TEXT NOT NULL",
    "resource_meta": "JSONB DEFAULT '{}'",
    "env_key": "TEXT NOT NULL",
    "env_value": "TEXT",
    "status": "TEXT NOT NULL DEFAULT 'active'",
    "created_at": "TIMESTAMPTZ NOT NULL DEFAULT now()",
}
"""The contract's two tables, column by column."""

SECRET_COLUMNS = ("gateway_token", "setup_password", "wallet_key")
POOL_COLUMNS = {
    "id": "TEXT PRIMARY KEY",
    "name": "TEXT",
    "url": "TEXT",
    "status": "TEXT",
    "service_id": "TEXT",
    "deploy_status": "TEXT",
    "created_at": "TIMESTAMPTZ DEFAULT now()",
}
POOL_OPTIONAL_COLUMNS = ("runtime_image", "volume_id", "openrouter_key_hash", "agentmail_inbox_id")
POOL_OPTIONAL_SUBSETS = [subset for size in range(5) for subset in itertools.combinations(POOL_OPTIONAL_COLUMNS, size)]
POOL_EXTRA_COLUMNS = ("gateway_token", "source_branch")
POOL_DROPPED_COLUMNS = [
    "service_id",
    "deploy_status",
    "volume_id",
    "runtime_image",
    "openrouter_key_hash",
    "agentmail_inbox_id",
    *POOL_EXTRA_COLUMNS,
]


@contextmanager
def create_databases(server_url: str, count: int, options: str = "") -> Iterator[list[str]]:
    """Create databases on a server for this block.

    Args:
        server_url: of any database there.
        count: how many.
        options: of CREATE DATABASE.
    """
    names = [unique_id("migrate_").replace("-", "_") for _ in range(count)]
    for name in names:
        execute(server_url, f"CREATE DATABASE {name} {options}")
    yield [urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")) for name in names]
    for name in names:
        execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def empty_database(url: str) -> str:
    """Drop all of a database's schemas and create an empty `public`; returns the URL."""
    execute(url, "DROP SCHEMA IF EXISTS public, other CASCADE; CREATE SCHEMA public")
    return url


def execute(url: str, statement: str, *values: object) -> None:
    with connect(url) as connection:
        connection.execute(cast("LiteralString", statement), values or None)


def fetch_rows(url: str, statement: str, *values: object) -> list[dict[str, Any]]:
    with connect(url) as connection:
        return connection.execute(cast("LiteralString", statement), values or None).fetchall()


def column_names(url: str, table: str) -> set[str]:
    found = fetch_rows(url, "SELECT column_name FROM information_schema.columns WHERE table_name = %s", table)
    return {row["column_name"] for row in found}


def create_table(url: str, name: str, definition: dict[str, str]) -> None:
    execute(url, f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in definition.items())})")


def insert_rows(url: str, name: str, *new_rows: dict[str, object]) -> None:
    for row in new_rows:
        marks = ", ".join(["%s"] * len(row))
        execute(url, f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", *row.values())


def create_pool_table(url: str, optional: Iterable[str] = POOL_OPTIONAL_COLUMNS, extra: Iterable[str] = ()) -> None:
    create_table(url, "instances", {**POOL_COLUMNS, **dict.fromkeys([*optional, *extra], "TEXT")})


def pool_row(name: str, optional: Iterable[str] = POOL_OPTIONAL_COLUMNS, **changes: object) -> dict[str, object]:
    """Build the pool's row of a running instance."""
    values: dict[str, object] = {
        "id": name,
        "name": f"convos-agent-{name}",
        "url": f"https://{name}.up.railway.app",
        "status": "idle",
        "service_id": f"service-{name}",
        "deploy_status": "SUCCESS",
        "created_at": "2026-02-03T04:05:06Z",
        "runtime_image": "ghcr.io/xmtplabs/convos-runtime:1",
        "volume_id": f"volume-{name}",
        "openrouter_key_hash": f"hash-{name}",
        "agentmail_inbox_id": f"{name}@agentmail.to",
    }
    return {key: value for key, value in values.items() if key in POOL_COLUMNS or key in optional} | changes


def dump_database(url: str) -> dict[str, list[dict[str, Any]]]:
    """Read all that a client can see of a database: schema and rows."""
    contents = {
        "columns": fetch_rows(
            url,
            "SELECT * FROM information_schema.columns WHERE table_schema = 'public'"
            " ORDER BY table_name, ordinal_position",
        ),
        "constraints": fetch_rows(
            url,
            "SELECT conrelid::regclass::text AS of, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
        ),
        "relations": fetch_rows(
            url, "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        ),
    }
    tables = fetch_rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    for name in (row["tablename"] for row in tables):
        contents[f"rows of {name}"] = fetch_rows(url, f'SELECT t::text AS row, t.ctid::text FROM "{name}" t ORDER BY 2')
    return contents

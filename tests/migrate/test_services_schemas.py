"""The services database as found: empty, with every older schema, with the newest."""

import itertools

import pytest

from pointsman.db import instances
from pointsman.errors import MigrationFailed
from tests.harness.database import connect
from tests.migrate.conftest import Migration
from tests.migrate.legacy_databases import (
    HEAD,
    INSTANCE_INFRA_COLUMNS,
    INSTANCE_SERVICES_COLUMNS,
    SECRET_COLUMNS,
    column_names,
    create_table,
    dump_database,
    execute,
    fetch_rows,
    insert_rows,
)

LEGACY_INSTANCE = {"instance_id": "old", "provider_service_id": "service-old", "provider_env_id": "env"}
LEGACY_TOOL = {"instance_id": "old", "tool_id": "openrouter", "resource_id": "hash", "env_key": "OPENROUTER_API_KEY"}
OPTIONAL_INFRA = [name for name, kind in INSTANCE_INFRA_COLUMNS.items() if "NOT NULL" not in kind or "DEFAULT" in kind]
OPTIONAL_INFRA.remove("instance_id")
OPTIONAL_TOOLS = ["resource_meta", "env_value", "status", "created_at"]


def create_legacy_tables(url: str, *, without: tuple[str, ...] = (), secrets: dict[str, str] | None = None) -> None:
    """Create both tables without some columns and with others, and a row in each."""
    columns = {name: kind for name, kind in INSTANCE_INFRA_COLUMNS.items() if name not in without}
    create_table(url, "instance_infra", {**columns, **(secrets or {})})
    create_table(
        url,
        "instance_services",
        {name: kind for name, kind in INSTANCE_SERVICES_COLUMNS.items() if name not in without},
    )
    insert_rows(url, "instance_infra", {**LEGACY_INSTANCE, **dict.fromkeys(secrets or {}, "secret")})
    insert_rows(url, "instance_services", LEGACY_TOOL)


def write_current_rows(url: str) -> None:
    infra = {
        "instance_id": "new", "provider_service_id": "service-new", "provider_env_id": "e", "provider_project_id": "p",
        "url": None, "deploy_status": None, "runtime_image": None, "volume_id": None,
    }  # fmt: skip
    tool = instances.ToolRow("agentmail", "a@b", "AGENTMAIL_INBOX_ID", "a@b", {})
    with connect(url) as connection:
        instances.insert(connection, infra, [tool])
        assert instances.get(connection, "new") is not None
        instances.mark_destroy_failed(connection, "new", [])
        assert instances.list_tools(connection, "new") == [tool]


def test_a_fresh_database_gets_the_contracts_columns_exactly(services_migration: Migration) -> None:
    assert services_migration() == {"from": None, "to": HEAD, "backfilled": None}
    assert column_names(services_migration.services, "instance_infra") == set(INSTANCE_INFRA_COLUMNS)
    assert column_names(services_migration.services, "instance_services") == set(INSTANCE_SERVICES_COLUMNS)
    write_current_rows(services_migration.services)


def test_twice_in_a_row_changes_nothing(services_migration: Migration) -> None:
    services_migration()
    write_current_rows(services_migration.services)
    before = dump_database(services_migration.services)
    assert services_migration() == {"from": HEAD, "to": HEAD, "backfilled": None}
    assert dump_database(services_migration.services) == before


MISSING_COLUMNS = [
    (),
    *[(name,) for name in OPTIONAL_INFRA if name != "created_at"],
    *[(name,) for name in OPTIONAL_TOOLS],
    ("provider_project_id", "volume_id"),
    (*OPTIONAL_INFRA, *OPTIONAL_TOOLS),
]


@pytest.mark.parametrize("without", MISSING_COLUMNS, ids=lambda names: f"without {'+'.join(names) or 'nothing'}")
def test_an_older_schema_is_completed_and_keeps_its_rows(
    services_migration: Migration, without: tuple[str, ...]
) -> None:
    create_legacy_tables(services_migration.services, without=without)
    services_migration()
    assert column_names(services_migration.services, "instance_infra") == set(INSTANCE_INFRA_COLUMNS)
    assert column_names(services_migration.services, "instance_services") == set(INSTANCE_SERVICES_COLUMNS)
    [infra] = fetch_rows(services_migration.services, "SELECT * FROM instance_infra")
    assert LEGACY_INSTANCE.items() <= infra.items()
    assert infra["provider"] == "railway"
    assert infra["updated_at"] is not None
    [tool] = fetch_rows(services_migration.services, "SELECT * FROM instance_services")
    assert LEGACY_TOOL.items() <= tool.items()
    assert (tool["status"], tool["resource_meta"]) == ("active", {})
    write_current_rows(services_migration.services)


SECRET_SUBSETS = [chosen for size in range(1, 4) for chosen in itertools.combinations(SECRET_COLUMNS, size)]


@pytest.mark.parametrize("kind", ["TEXT", "TEXT NOT NULL"])
@pytest.mark.parametrize("chosen", SECRET_SUBSETS, ids="+".join)
def test_columns_of_old_secrets_become_optional(
    services_migration: Migration, chosen: tuple[str, ...], kind: str
) -> None:
    create_legacy_tables(
        services_migration.services, without=("provider_project_id",), secrets=dict.fromkeys(chosen, kind)
    )
    services_migration()
    write_current_rows(services_migration.services)
    [old] = fetch_rows(services_migration.services, "SELECT * FROM instance_infra WHERE instance_id = 'old'")
    assert {name: old[name] for name in chosen} == dict.fromkeys(chosen, "secret")


def test_only_one_of_the_two_tables_exists(services_migration: Migration) -> None:
    create_table(services_migration.services, "instance_infra", INSTANCE_INFRA_COLUMNS)
    insert_rows(services_migration.services, "instance_infra", LEGACY_INSTANCE)
    services_migration()
    write_current_rows(services_migration.services)
    assert len(fetch_rows(services_migration.services, "SELECT * FROM instance_infra")) == 2


def test_a_required_column_without_a_default_is_named_and_nothing_is_changed(services_migration: Migration) -> None:
    create_legacy_tables(services_migration.services)
    execute(services_migration.services, "ALTER TABLE instance_services DROP COLUMN env_key")
    before = dump_database(services_migration.services)
    with pytest.raises(MigrationFailed, match=r"nothing was changed: 23502 .*column env_key"):
        services_migration()
    assert dump_database(services_migration.services) == before


def test_the_tables_of_the_search_path_are_migrated(
    services_migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(services_migration.services, "CREATE SCHEMA other")
    other_schema = f"{services_migration.services}?options=-csearch_path%3Dother"
    monkeypatch.setenv("SERVICE_DATABASE_URL", other_schema)
    create_legacy_tables(other_schema, secrets={"wallet_key": "TEXT NOT NULL"})
    create_table(services_migration.services, "instance_infra", {"gateway_token": "TEXT NOT NULL"})
    assert services_migration(drop=True)["dropped"] == {"services": ["wallet_key"], "pool": []}
    assert column_names(services_migration.services, "instance_infra") >= {"gateway_token"}

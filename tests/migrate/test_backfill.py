"""The backfill from the pool, for every subset of its columns."""

from datetime import UTC, datetime

import pytest

from local.simulator.client import SimulatorClient
from tests.migrate.conftest import Migration
from tests.migrate.legacy_databases import (
    ENVIRONMENT,
    HEAD,
    POOL_COLUMNS,
    POOL_EXTRA_COLUMNS,
    POOL_OPTIONAL_COLUMNS,
    POOL_OPTIONAL_SUBSETS,
    PROJECT,
    create_pool_table,
    create_table,
    dump_database,
    execute,
    fetch_rows,
    insert_rows,
    pool_row,
)


def fetch_instances(pool_migration: Migration) -> list[dict[str, object]]:
    return fetch_rows(pool_migration.services, "SELECT * FROM instance_infra ORDER BY instance_id")


def fetch_tools(pool_migration: Migration) -> list[tuple[object, ...]]:
    query = "SELECT instance_id, tool_id, resource_id, env_key, env_value, status, resource_meta FROM instance_services"
    return [tuple(row.values()) for row in fetch_rows(pool_migration.services, f"{query} ORDER BY 1, 2 DESC")]


@pytest.mark.parametrize("present", POOL_OPTIONAL_SUBSETS, ids=lambda names: "+".join(names) or "none")
def test_every_subset_of_optional_columns_is_backfilled(pool_migration: Migration, present: tuple[str, ...]) -> None:
    create_pool_table(pool_migration.pool, present)
    insert_rows(pool_migration.pool, "instances", pool_row("a", present), pool_row("b", present, service_id=None))
    before = dump_database(pool_migration.pool)
    report = pool_migration()
    has_volume = "volume_id" in present
    expected_tools = [
        ("a", "openrouter", "hash-a", "OPENROUTER_API_KEY", None, "active", {}),
        ("a", "agentmail", "a@agentmail.to", "AGENTMAIL_INBOX_ID", "a@agentmail.to", "active", {}),
    ]
    tools_by_column = [("openrouter_key_hash", expected_tools[0]), ("agentmail_inbox_id", expected_tools[1])]
    expected_tools = [tool for column, tool in tools_by_column if column in present]
    assert report == {
        "from": None,
        "to": HEAD,
        "backfilled": {
            "instances": 1,
            "tools": len(expected_tools),
            "volumesCompleted": 0,
            "withoutVolume": 0 if has_volume else 1,
        },
    }
    [row] = fetch_instances(pool_migration)
    assert row.pop("updated_at")
    assert row == {
        "instance_id": "a",
        "provider": "railway",
        "provider_service_id": "service-a",
        "provider_env_id": ENVIRONMENT,
        "provider_project_id": PROJECT,
        "url": "https://a.up.railway.app",
        "deploy_status": "SUCCESS",
        "runtime_image": "ghcr.io/xmtplabs/convos-runtime:1" if "runtime_image" in present else None,
        "volume_id": "volume-a" if has_volume else None,
        "created_at": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
    }
    assert fetch_tools(pool_migration) == expected_tools
    assert dump_database(pool_migration.pool) == before


def test_additional_legacy_columns_change_nothing(pool_migration: Migration) -> None:
    create_pool_table(pool_migration.pool, POOL_OPTIONAL_COLUMNS, POOL_EXTRA_COLUMNS)
    insert_rows(pool_migration.pool, "instances", pool_row("a", gateway_token="t", source_branch="main"))
    before = dump_database(pool_migration.pool)
    assert pool_migration()["backfilled"] == {"instances": 1, "tools": 2, "volumesCompleted": 0, "withoutVolume": 0}
    assert dump_database(pool_migration.pool) == before


def test_empty_text_counts_as_null(pool_migration: Migration) -> None:
    create_pool_table(pool_migration.pool)
    empty = dict.fromkeys((*POOL_OPTIONAL_COLUMNS, "url", "deploy_status"), "")
    insert_rows(pool_migration.pool, "instances", pool_row("a", **empty), pool_row("b", service_id=""))
    assert pool_migration()["backfilled"] == {"instances": 1, "tools": 0, "volumesCompleted": 0, "withoutVolume": 1}
    [row] = fetch_instances(pool_migration)
    names = ("url", "deploy_status", "runtime_image", "volume_id")
    assert {name: row[name] for name in names} == dict.fromkeys(names)


def test_a_missing_creation_time_becomes_now(pool_migration: Migration) -> None:
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a", created_at=None))
    pool_migration()
    [row] = fetch_instances(pool_migration)
    assert row["created_at"] == row["updated_at"]


def test_other_column_types_are_converted(pool_migration: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {**POOL_COLUMNS, "id": "UUID PRIMARY KEY", "deploy_status": "VARCHAR(20)", "created_at": "TIMESTAMP"}
    create_table(pool_migration.pool, "instances", kinds)
    monkeypatch.setenv("POOL_DATABASE_URL", f"{pool_migration.pool}?options=-ctimezone%3DAsia/Tokyo")
    name = "00000000-0000-4000-8000-000000000001"
    insert_rows(pool_migration.pool, "instances", pool_row(name, (), created_at="2026-02-03 13:05:06"))
    pool_migration()
    [row] = fetch_instances(pool_migration)
    assert (row["instance_id"], row["created_at"]) == (name, datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))


def test_no_table_or_no_service_id_is_nothing_to_backfill(pool_migration: Migration) -> None:
    assert pool_migration()["note"] == "nothing is backfilled: the pool has no table instances"
    create_table(
        pool_migration.pool, "instances", {name: kind for name, kind in POOL_COLUMNS.items() if name != "service_id"}
    )
    report = pool_migration()
    assert report["note"] == "nothing is backfilled: the pool has no column instances.service_id"
    assert report["backfilled"] is None
    assert fetch_instances(pool_migration) == []


@pytest.mark.parametrize("name", ["RAILWAY_API_TOKEN", "RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID"])
def test_without_rows_to_backfill_railway_is_not_called(
    pool_migration: Migration, monkeypatch: pytest.MonkeyPatch, railway_simulator: SimulatorClient, name: str
) -> None:
    monkeypatch.delenv(name)
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a", service_id=None))
    assert pool_migration()["backfilled"] == {"instances": 0, "tools": 0, "volumesCompleted": 0, "withoutVolume": 0}
    assert railway_simulator.list_calls() == []


def test_a_second_run_changes_nothing(pool_migration: Migration) -> None:
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", *(pool_row(name) for name in "abc"))
    assert pool_migration()["backfilled"]["instances"] == 3
    before = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("later"))
    execute(pool_migration.pool, "DELETE FROM instances WHERE id = 'later'")
    report = pool_migration()
    assert (report["backfilled"], report["note"]) == (None, "nothing is backfilled: instance_infra has rows")
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == before


def test_the_pool_is_not_read_when_there_are_rows(pool_migration: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    pool_migration()
    insert_rows(
        pool_migration.services,
        "instance_infra",
        {"instance_id": "x", "provider_service_id": "s", "provider_env_id": "e"},
    )
    monkeypatch.setenv("POOL_DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    assert pool_migration()["backfilled"] is None


def test_the_environment_is_resolved_by_name(pool_migration: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAILWAY_ENVIRONMENT_ID")
    monkeypatch.setenv("RAILWAY_ENVIRONMENT_NAME", "production")
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a"))
    pool_migration()
    assert fetch_instances(pool_migration)[0]["provider_env_id"] == ENVIRONMENT


def test_both_schemas_can_share_a_database(pool_migration: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOL_DATABASE_URL", pool_migration.services)
    create_pool_table(pool_migration.services, POOL_OPTIONAL_COLUMNS, POOL_EXTRA_COLUMNS)
    insert_rows(pool_migration.services, "instances", *(pool_row(name) for name in "abc"))
    report = pool_migration(drop=True)
    assert report["backfilled"]["instances"] == 3
    assert set(report["dropped"]["pool"]) == {
        *POOL_OPTIONAL_COLUMNS,
        *POOL_EXTRA_COLUMNS,
        "service_id",
        "deploy_status",
    }
    assert [row["instance_id"] for row in fetch_instances(pool_migration)] == ["a", "b", "c"]
    assert pool_migration(drop=True)["dropped"] == {"services": [], "pool": []}


def test_thousands_of_rows_are_backfilled(pool_migration: Migration) -> None:
    create_pool_table(pool_migration.pool)
    execute(
        pool_migration.pool,
        "INSERT INTO instances (id, name, service_id, volume_id, openrouter_key_hash)"
        " SELECT 'i' || n, 'n', 's' || n, 'v' || n, 'h' || n FROM generate_series(1, 5000) n",
    )
    assert pool_migration()["backfilled"] == {
        "instances": 5000,
        "tools": 5000,
        "volumesCompleted": 0,
        "withoutVolume": 0,
    }
    assert len(fetch_instances(pool_migration)) == 5000

"""What is taken over from the pool, whatever of it is there."""

import itertools
from datetime import UTC, datetime

import pytest

from local.simulator.client import SimulatorClient
from tests.migrate.conftest import Migration
from tests.migrate.support import (
    ALWAYS,
    ENVIRONMENT,
    EXTRA,
    HEAD,
    OPTIONAL,
    PROJECT,
    dump,
    insert,
    pool_row,
    pool_table,
    rows,
    run,
    table,
)

SUBSETS = [chosen for size in range(5) for chosen in itertools.combinations(OPTIONAL, size)]


def infra(both: Migration) -> list[dict[str, object]]:
    return rows(both.services, "SELECT * FROM instance_infra ORDER BY instance_id")


def tools(both: Migration) -> list[tuple[object, ...]]:
    query = "SELECT instance_id, tool_id, resource_id, env_key, env_value, status, resource_meta FROM instance_services"
    return [tuple(row.values()) for row in rows(both.services, f"{query} ORDER BY 1, 2 DESC")]


@pytest.mark.parametrize("present", SUBSETS, ids=lambda names: "+".join(names) or "none")
def test_every_set_of_optional_columns_is_taken_over(both: Migration, present: tuple[str, ...]) -> None:
    pool_table(both.pool, present)
    insert(both.pool, "instances", pool_row("a", present), pool_row("b", present, service_id=None))
    before = dump(both.pool)
    report = both()
    has_volume = "volume_id" in present
    expected_tools = [
        ("a", "openrouter", "hash-a", "OPENROUTER_API_KEY", None, "active", {}),
        ("a", "agentmail", "a@agentmail.to", "AGENTMAIL_INBOX_ID", "a@agentmail.to", "active", {}),
    ]
    wanted = [("openrouter_key_hash", expected_tools[0]), ("agentmail_inbox_id", expected_tools[1])]
    expected_tools = [tool for column, tool in wanted if column in present]
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
    [row] = infra(both)
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
    assert tools(both) == expected_tools
    assert dump(both.pool) == before


def test_legacy_columns_more_change_nothing(both: Migration) -> None:
    pool_table(both.pool, OPTIONAL, EXTRA)
    insert(both.pool, "instances", pool_row("a", gateway_token="t", source_branch="main"))
    before = dump(both.pool)
    assert both()["backfilled"] == {"instances": 1, "tools": 2, "volumesCompleted": 0, "withoutVolume": 0}
    assert dump(both.pool) == before


def test_empty_text_is_no_value(both: Migration) -> None:
    pool_table(both.pool)
    empty = dict.fromkeys((*OPTIONAL, "url", "deploy_status"), "")
    insert(both.pool, "instances", pool_row("a", **empty), pool_row("b", service_id=""))
    assert both()["backfilled"] == {"instances": 1, "tools": 0, "volumesCompleted": 0, "withoutVolume": 1}
    [row] = infra(both)
    names = ("url", "deploy_status", "runtime_image", "volume_id")
    assert {name: row[name] for name in names} == dict.fromkeys(names)


def test_a_missing_time_of_creation_is_now(both: Migration) -> None:
    pool_table(both.pool)
    insert(both.pool, "instances", pool_row("a", created_at=None))
    both()
    [row] = infra(both)
    assert row["created_at"] == row["updated_at"]


def test_other_types_than_text_are_read(both: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {**ALWAYS, "id": "UUID PRIMARY KEY", "deploy_status": "VARCHAR(20)", "created_at": "TIMESTAMP"}
    table(both.pool, "instances", kinds)
    monkeypatch.setenv("POOL_DATABASE_URL", f"{both.pool}?options=-ctimezone%3DAsia/Tokyo")
    name = "00000000-0000-4000-8000-000000000001"
    insert(both.pool, "instances", pool_row(name, (), created_at="2026-02-03 13:05:06"))
    both()
    [row] = infra(both)
    assert (row["instance_id"], row["created_at"]) == (name, datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))


def test_no_table_or_no_service_id_is_nothing_to_backfill(both: Migration) -> None:
    assert both()["note"] == "nothing is backfilled: the pool has no table instances"
    table(both.pool, "instances", {name: kind for name, kind in ALWAYS.items() if name != "service_id"})
    report = both()
    assert report["note"] == "nothing is backfilled: the pool has no column instances.service_id"
    assert report["backfilled"] is None
    assert infra(both) == []


@pytest.mark.parametrize("name", ["RAILWAY_API_TOKEN", "RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID"])
def test_without_rows_to_take_railway_is_not_needed(
    both: Migration, monkeypatch: pytest.MonkeyPatch, railway: SimulatorClient, name: str
) -> None:
    monkeypatch.delenv(name)
    pool_table(both.pool)
    insert(both.pool, "instances", pool_row("a", service_id=None))
    assert both()["backfilled"] == {"instances": 0, "tools": 0, "volumesCompleted": 0, "withoutVolume": 0}
    assert railway.calls() == []


def test_a_second_run_finds_rows_and_leaves_everything(both: Migration) -> None:
    pool_table(both.pool)
    insert(both.pool, "instances", *(pool_row(name) for name in "abc"))
    assert both()["backfilled"]["instances"] == 3
    before = dump(both.services), dump(both.pool)
    insert(both.pool, "instances", pool_row("later"))
    run(both.pool, "DELETE FROM instances WHERE id = 'later'")
    report = both()
    assert (report["backfilled"], report["note"]) == (None, "nothing is backfilled: instance_infra has rows")
    assert (dump(both.services), dump(both.pool)) == before


def test_the_pool_is_not_asked_when_there_are_rows(both: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    both()
    insert(
        both.services,
        "instance_infra",
        {"instance_id": "x", "provider_service_id": "s", "provider_env_id": "e"},
    )
    monkeypatch.setenv("POOL_DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    assert both()["backfilled"] is None


def test_the_environments_name_is_resolved(both: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAILWAY_ENVIRONMENT_ID")
    monkeypatch.setenv("RAILWAY_ENVIRONMENT_NAME", "production")
    pool_table(both.pool)
    insert(both.pool, "instances", pool_row("a"))
    both()
    assert infra(both)[0]["provider_env_id"] == ENVIRONMENT


def test_both_in_one_database(both: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOL_DATABASE_URL", both.services)
    pool_table(both.services, OPTIONAL, EXTRA)
    insert(both.services, "instances", *(pool_row(name) for name in "abc"))
    report = both(drop=True)
    assert report["backfilled"]["instances"] == 3
    assert set(report["dropped"]["pool"]) == {*OPTIONAL, *EXTRA, "service_id", "deploy_status"}
    assert [row["instance_id"] for row in infra(both)] == ["a", "b", "c"]
    assert both(drop=True)["dropped"] == {"services": [], "pool": []}


def test_many_rows(both: Migration) -> None:
    pool_table(both.pool)
    run(
        both.pool,
        "INSERT INTO instances (id, name, service_id, volume_id, openrouter_key_hash)"
        " SELECT 'i' || n, 'n', 's' || n, 'v' || n, 'h' || n FROM generate_series(1, 5000) n",
    )
    assert both()["backfilled"] == {"instances": 5000, "tools": 5000, "volumesCompleted": 0, "withoutVolume": 0}
    assert len(infra(both)) == 5000

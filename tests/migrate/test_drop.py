"""What `drop` drops, and everything that makes it refuse."""

import itertools

import pytest

from pointsman.errors import DatabaseUnavailable, MigrationFailed
from pointsman.lifecycle import migration
from tests.migrate.conftest import Migration
from tests.migrate.support import (
    ALWAYS,
    EXTRA,
    INFRA,
    OPTIONAL,
    POOL_LEGACY,
    SECRETS,
    TOOLS,
    columns,
    dump,
    insert,
    pool_row,
    pool_table,
    rows,
    run,
    table,
)

pytestmark = pytest.mark.slow

LEFT = {"id", "name", "url", "status", "created_at"}


def filled(both: Migration, *names: str) -> None:
    """A pool with all its legacy columns, backfilled into services with theirs."""
    table(both.services, "instance_infra", {**INFRA, **dict.fromkeys(SECRETS, "TEXT NOT NULL")})
    table(both.services, "instance_services", TOOLS)
    pool_table(both.pool, OPTIONAL, EXTRA)
    insert(both.pool, "instances", *(pool_row(name, gateway_token="t", source_branch="b") for name in names))
    assert both()["backfilled"]["instances"] == len(names)


def refused(both: Migration, message: str) -> None:
    before = dump(both.services), dump(both.pool)
    expected = "^Nothing was dropped; both databases are as they were: the pool holds what is not backfilled: "
    with pytest.raises(MigrationFailed, match=expected + message):
        both(drop=True)
    assert (dump(both.services), dump(both.pool)) == before


def test_legacy_columns_of_both_are_dropped_once(both: Migration) -> None:
    filled(both, "a", "b")
    before = rows(both.services, "SELECT instance_id, volume_id, url FROM instance_infra ORDER BY 1")
    assert both(drop=True)["dropped"] == {"services": list(SECRETS), "pool": POOL_LEGACY}
    assert columns(both.services, "instance_infra") == set(INFRA)
    assert columns(both.pool, "instances") == LEFT
    assert rows(both.services, "SELECT instance_id, volume_id, url FROM instance_infra ORDER BY 1") == before
    assert [row["id"] for row in rows(both.pool, "SELECT id FROM instances ORDER BY 1")] == ["a", "b"]
    after = dump(both.services), dump(both.pool)
    assert both(drop=True)["dropped"] == {"services": [], "pool": []}
    assert (dump(both.services), dump(both.pool)) == after


def test_nothing_is_dropped_unasked(both: Migration) -> None:
    filled(both, "a")
    before = dump(both.services), dump(both.pool)
    assert "dropped" not in both()
    assert (dump(both.services), dump(both.pool)) == before


def test_backfill_and_drop_in_one(both: Migration) -> None:
    pool_table(both.pool, OPTIONAL, EXTRA)
    insert(both.pool, "instances", pool_row("a"), pool_row("b", openrouter_key_hash="", volume_id=None))
    report = both(drop=True)
    assert report["backfilled"] == {"instances": 2, "tools": 3, "volumesCompleted": 0, "withoutVolume": 1}
    assert report["dropped"] == {"services": [], "pool": POOL_LEGACY}
    assert columns(both.pool, "instances") == LEFT


SUBSETS = [chosen for size in range(5) for chosen in itertools.combinations(OPTIONAL, size)]


@pytest.mark.parametrize("present", SUBSETS, ids=lambda names: "+".join(names) or "none")
def test_those_that_are_there_are_dropped(both: Migration, present: tuple[str, ...]) -> None:
    pool_table(both.pool, present)
    insert(both.pool, "instances", pool_row("a", present))
    dropped = both(drop=True)["dropped"]["pool"]
    assert dropped == [name for name in POOL_LEGACY if name in (*present, "service_id", "deploy_status")]
    assert columns(both.pool, "instances") == LEFT


def test_without_a_pool_the_services_columns_are_dropped_only(plain: Migration) -> None:
    table(plain.services, "instance_infra", {**INFRA, "wallet_key": "TEXT NOT NULL"})
    report = plain(drop=True)
    assert report["dropped"] == {"services": ["wallet_key"], "pool": []}
    assert report["note"] == "nothing is dropped from the pool: POOL_DATABASE_URL is not set"


def test_a_pool_without_the_table_has_nothing_to_drop(both: Migration) -> None:
    assert both(drop=True)["dropped"] == {"services": [], "pool": []}


def test_values_that_were_never_backfilled_refuse(both: Migration) -> None:
    filled(both, "a")
    insert(both.pool, "instances", *(pool_row(f"late{number}") for number in range(5)))
    some = "of late0, late1, late2 and 2 more"
    names = ("service_id", "deploy_status", "volume_id", "runtime_image", "openrouter_key_hash", "agentmail_inbox_id")
    refused(both, "; ".join(f"{name} {some}" for name in names) + "$")


def test_tokens_and_branches_never_refuse(both: Migration) -> None:
    filled(both, "a")
    insert(
        both.pool,
        "instances",
        {"id": "x", "gateway_token": "t", "source_branch": "b", "service_id": "", "deploy_status": "", "volume_id": ""},
    )
    assert both(drop=True)["dropped"]["pool"] == POOL_LEGACY


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("service_id", "another"),
        ("volume_id", "another"),
        ("openrouter_key_hash", "another"),
        ("agentmail_inbox_id", "another"),
    ],
)
def test_another_value_in_the_pool_refuses(both: Migration, column: str, value: str) -> None:
    filled(both, "a", "b")
    run(both.pool, f"UPDATE instances SET {column} = %s WHERE id = 'b'", value)
    refused(both, f".*{column} of b(;|$)")


@pytest.mark.parametrize("column", ["deploy_status", "runtime_image"])
def test_what_changes_may_differ_but_not_be_missing(both: Migration, column: str) -> None:
    filled(both, "a", "b")
    for nothing in (None, ""):
        run(both.services, f"UPDATE instance_infra SET {column} = %s WHERE instance_id = 'b'", nothing)
        refused(both, f"{column} of b$")
    run(both.services, f"UPDATE instance_infra SET {column} = 'another' WHERE instance_id = 'b'")
    assert both(drop=True)["dropped"]["pool"] == POOL_LEGACY


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE instance_infra SET volume_id = NULL WHERE instance_id = 'b'", "volume_id of b$"),
        ("DELETE FROM instance_services WHERE instance_id = 'b' AND tool_id = 'agentmail'", "agentmail_inbox_id of b$"),
        ("UPDATE instance_services SET tool_id = 'telnyx' WHERE tool_id = 'openrouter'", "openrouter_key_hash of a, b"),
        ("DELETE FROM instance_infra WHERE instance_id = 'b'", "service_id of b; .*agentmail_inbox_id of b$"),
    ],
)
def test_what_is_gone_here_refuses(both: Migration, change: str, message: str) -> None:
    filled(both, "a", "b")
    run(both.services, change)
    refused(both, message)


@pytest.mark.parametrize("column", [*OPTIONAL, "deploy_status"])
@pytest.mark.parametrize("service", [None, ""])
def test_a_value_of_a_row_that_was_never_taken_refuses(both: Migration, column: str, service: str | None) -> None:
    filled(both, "a")
    insert(both.pool, "instances", {"id": "x", "service_id": service, column: "value"})
    refused(both, f"{column} of x$")


def test_values_without_the_column_service_id_refuse(both: Migration) -> None:
    table(both.pool, "instances", {**{name: ALWAYS[name] for name in LEFT}, "volume_id": "TEXT"})
    insert(both.pool, "instances", {"id": "x", "volume_id": "v"})
    refused(both, "volume_id of x$")


def test_a_refusal_takes_the_backfill_of_the_same_run_back(both: Migration) -> None:
    pool_table(both.pool)
    insert(both.pool, "instances", pool_row("a"), {"id": "x", "volume_id": "v"})
    refused(both, "volume_id of x$")


@pytest.mark.parametrize("which", ["services", "pool"])
def test_a_view_on_a_column_fails_the_whole_drop(both: Migration, which: str) -> None:
    filled(both, "a")
    view = {
        "services": "CREATE VIEW seen AS SELECT wallet_key FROM instance_infra",
        "pool": "CREATE VIEW seen AS SELECT source_branch FROM instances",
    }
    run(getattr(both, which), view[which])
    before = dump(both.services), dump(both.pool)
    with pytest.raises(MigrationFailed, match=r"^The drop failed; both databases are as they were: 2BP01 cannot drop"):
        both(drop=True)
    assert (dump(both.services), dump(both.pool)) == before


def test_a_pool_that_fails_at_the_very_end_is_told_and_mended_by_another_run(
    both: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(both, "a")
    drop = migration.drop_columns

    def and_break_off(connection, name: str, names: list[str]) -> None:
        drop(connection, name, names)
        if name == "instance_infra":
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            run(both.pool, f"{query} AND application_name = 'pointsman-migrate'")

    monkeypatch.setattr(migration, "drop_columns", and_break_off)
    before = dump(both.pool)
    with pytest.raises(DatabaseUnavailable, match=r"The services database is migrated, .*: run it again$"):
        both(drop=True)
    assert dump(both.pool) == before
    monkeypatch.setattr(migration, "drop_columns", drop)
    assert both(drop=True)["dropped"] == {"services": [], "pool": POOL_LEGACY}

"""`drop`: the columns that it drops, and all that blocks it."""

import pytest

from pointsman.errors import DatabaseUnavailable, MigrationFailed
from pointsman.lifecycle import legacy_migration
from tests.migrate.conftest import Migration
from tests.migrate.legacy_databases import (
    INSTANCE_INFRA_COLUMNS,
    INSTANCE_SERVICES_COLUMNS,
    POOL_COLUMNS,
    POOL_DROPPED_COLUMNS,
    POOL_EXTRA_COLUMNS,
    POOL_OPTIONAL_COLUMNS,
    POOL_OPTIONAL_SUBSETS,
    SECRET_COLUMNS,
    column_names,
    create_pool_table,
    create_table,
    dump_database,
    execute,
    fetch_rows,
    insert_rows,
    pool_row,
)

pytestmark = pytest.mark.slow

REMAINING_COLUMNS = {"id", "name", "url", "status", "created_at"}


def create_backfilled_pool(pool_migration: Migration, *names: str) -> None:
    """Create a pool with all its legacy columns, backfilled into services with theirs."""
    create_table(
        pool_migration.services,
        "instance_infra",
        {**INSTANCE_INFRA_COLUMNS, **dict.fromkeys(SECRET_COLUMNS, "TEXT NOT NULL")},
    )
    create_table(pool_migration.services, "instance_services", INSTANCE_SERVICES_COLUMNS)
    create_pool_table(pool_migration.pool, POOL_OPTIONAL_COLUMNS, POOL_EXTRA_COLUMNS)
    insert_rows(
        pool_migration.pool, "instances", *(pool_row(name, gateway_token="t", source_branch="b") for name in names)
    )
    assert pool_migration()["backfilled"]["instances"] == len(names)


TODO = (
    r"\. Look each up at its provider, delete there what nobody uses, empty the column in the pool's database, as by"
    r" UPDATE instances SET \w+ = NULL WHERE id = '.*', and drop again; docs/migrate\.md has all commands$"
)


def assert_drop_refused(pool_migration: Migration, message: str) -> None:
    """Assert that the drop is refused with a message about these rows, which says what to do about them."""
    before = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    expected = "^Nothing was dropped; both databases are as they were: the pool holds what is not backfilled: "
    with pytest.raises(MigrationFailed, match=expected + message + TODO):
        pool_migration(drop=True)
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == before


def test_legacy_columns_of_both_are_dropped_once(pool_migration: Migration) -> None:
    create_backfilled_pool(pool_migration, "a", "b")
    before = fetch_rows(pool_migration.services, "SELECT instance_id, volume_id, url FROM instance_infra ORDER BY 1")
    assert pool_migration(drop=True)["dropped"] == {"services": list(SECRET_COLUMNS), "pool": POOL_DROPPED_COLUMNS}
    assert column_names(pool_migration.services, "instance_infra") == set(INSTANCE_INFRA_COLUMNS)
    assert column_names(pool_migration.pool, "instances") == REMAINING_COLUMNS
    assert (
        fetch_rows(pool_migration.services, "SELECT instance_id, volume_id, url FROM instance_infra ORDER BY 1")
        == before
    )
    assert [row["id"] for row in fetch_rows(pool_migration.pool, "SELECT id FROM instances ORDER BY 1")] == ["a", "b"]
    after = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    assert pool_migration(drop=True)["dropped"] == {"services": [], "pool": []}
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == after


def test_nothing_is_dropped_by_default(pool_migration: Migration) -> None:
    create_backfilled_pool(pool_migration, "a")
    before = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    assert "dropped" not in pool_migration()
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == before


def test_backfill_and_drop_in_one(pool_migration: Migration) -> None:
    create_pool_table(pool_migration.pool, POOL_OPTIONAL_COLUMNS, POOL_EXTRA_COLUMNS)
    insert_rows(pool_migration.pool, "instances", pool_row("a"), pool_row("b", openrouter_key_hash="", volume_id=None))
    report = pool_migration(drop=True)
    assert report["backfilled"] == {"instances": 2, "tools": 3, "volumesCompleted": 0, "withoutVolume": 1}
    assert report["dropped"] == {"services": [], "pool": POOL_DROPPED_COLUMNS}
    assert column_names(pool_migration.pool, "instances") == REMAINING_COLUMNS


@pytest.mark.parametrize("present", POOL_OPTIONAL_SUBSETS, ids=lambda names: "+".join(names) or "none")
def test_every_subset_of_optional_columns_is_dropped(pool_migration: Migration, present: tuple[str, ...]) -> None:
    create_pool_table(pool_migration.pool, present)
    insert_rows(pool_migration.pool, "instances", pool_row("a", present))
    dropped = pool_migration(drop=True)["dropped"]["pool"]
    assert dropped == [name for name in POOL_DROPPED_COLUMNS if name in (*present, "service_id", "deploy_status")]
    assert column_names(pool_migration.pool, "instances") == REMAINING_COLUMNS


def test_without_a_pool_the_services_columns_are_dropped_only(services_migration: Migration) -> None:
    create_table(
        services_migration.services, "instance_infra", {**INSTANCE_INFRA_COLUMNS, "wallet_key": "TEXT NOT NULL"}
    )
    report = services_migration(drop=True)
    assert report["dropped"] == {"services": ["wallet_key"], "pool": []}
    assert report["note"] == "nothing is dropped from the pool: POOL_DATABASE_URL is not set"


def test_a_pool_without_the_table_has_nothing_to_drop(pool_migration: Migration) -> None:
    assert pool_migration(drop=True)["dropped"] == {"services": [], "pool": []}


def test_values_that_were_never_backfilled_block_the_drop(pool_migration: Migration) -> None:
    create_backfilled_pool(pool_migration, "a")
    insert_rows(pool_migration.pool, "instances", *(pool_row(f"late{number}") for number in range(5)))
    some = "of late0, late1, late2 and 2 more"
    names = ("service_id", "deploy_status", "volume_id", "runtime_image", "openrouter_key_hash", "agentmail_inbox_id")
    assert_drop_refused(pool_migration, "; ".join(f"{name} {some}" for name in names))


def test_tokens_and_branches_never_block_the_drop(pool_migration: Migration) -> None:
    create_backfilled_pool(pool_migration, "a")
    insert_rows(
        pool_migration.pool,
        "instances",
        {"id": "x", "gateway_token": "t", "source_branch": "b", "service_id": "", "deploy_status": "", "volume_id": ""},
    )
    assert pool_migration(drop=True)["dropped"]["pool"] == POOL_DROPPED_COLUMNS


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("service_id", "another"),
        ("volume_id", "another"),
        ("openrouter_key_hash", "another"),
        ("agentmail_inbox_id", "another"),
    ],
)
def test_another_value_in_the_pool_blocks_the_drop(pool_migration: Migration, column: str, value: str) -> None:
    create_backfilled_pool(pool_migration, "a", "b")
    execute(pool_migration.pool, f"UPDATE instances SET {column} = %s WHERE id = 'b'", value)
    assert_drop_refused(pool_migration, f".*{column} of b(;.*)?")


@pytest.mark.parametrize("column", ["deploy_status", "runtime_image"])
def test_changing_values_may_differ_but_not_be_missing(pool_migration: Migration, column: str) -> None:
    create_backfilled_pool(pool_migration, "a", "b")
    for nothing in (None, ""):
        execute(pool_migration.services, f"UPDATE instance_infra SET {column} = %s WHERE instance_id = 'b'", nothing)
        assert_drop_refused(pool_migration, f"{column} of b")
    execute(pool_migration.services, f"UPDATE instance_infra SET {column} = 'another' WHERE instance_id = 'b'")
    assert pool_migration(drop=True)["dropped"]["pool"] == POOL_DROPPED_COLUMNS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE instance_infra SET volume_id = NULL WHERE instance_id = 'b'", "volume_id of b"),
        ("DELETE FROM instance_services WHERE instance_id = 'b' AND tool_id = 'agentmail'", "agentmail_inbox_id of b"),
        ("UPDATE instance_services SET tool_id = 'telnyx' WHERE tool_id = 'openrouter'", "openrouter_key_hash of a, b"),
        ("DELETE FROM instance_infra WHERE instance_id = 'b'", "service_id of b; .*agentmail_inbox_id of b"),
    ],
)
def test_values_missing_from_services_block_the_drop(pool_migration: Migration, change: str, message: str) -> None:
    create_backfilled_pool(pool_migration, "a", "b")
    execute(pool_migration.services, change)
    assert_drop_refused(pool_migration, message)


@pytest.mark.parametrize("column", ["volume_id", "openrouter_key_hash", "agentmail_inbox_id"])
@pytest.mark.parametrize("service", [None, ""])
def test_a_resource_of_a_row_without_a_service_blocks_the_drop_until_it_is_emptied(
    pool_migration: Migration, column: str, service: str | None
) -> None:
    create_backfilled_pool(pool_migration, "a")
    row = {"deploy_status": "SUCCESS", "runtime_image": "image", "service_id": service}
    insert_rows(pool_migration.pool, "instances", {"id": "it's x", **row, column: "value"})
    with pytest.raises(MigrationFailed) as raised:
        pool_migration(drop=True)
    assert_drop_refused(pool_migration, f"{column} of it's x")
    # What the message says to do is enough.
    command = raised.value.message.partition("as by ")[2].partition(", and drop again")[0]
    execute(pool_migration.pool, command)
    assert pool_migration(drop=True)["dropped"]["pool"] == POOL_DROPPED_COLUMNS


@pytest.mark.parametrize("service", [None, ""])
def test_a_status_or_an_image_without_a_service_blocks_nothing(pool_migration: Migration, service: str | None) -> None:
    create_backfilled_pool(pool_migration, "a")
    rows = ({"deploy_status": "SUCCESS"}, {"runtime_image": "image"}, {"deploy_status": "FAILED", "runtime_image": "i"})
    for number, row in enumerate(rows):
        insert_rows(pool_migration.pool, "instances", {"id": f"x{number}", "service_id": service, **row})
    assert pool_migration(drop=True)["dropped"]["pool"] == POOL_DROPPED_COLUMNS
    assert len(fetch_rows(pool_migration.pool, "SELECT id FROM instances")) == 4


def test_values_without_the_column_service_id_block_the_drop(pool_migration: Migration) -> None:
    create_table(
        pool_migration.pool,
        "instances",
        {**{name: POOL_COLUMNS[name] for name in REMAINING_COLUMNS}, "volume_id": "TEXT"},
    )
    insert_rows(pool_migration.pool, "instances", {"id": "x", "volume_id": "v"})
    assert_drop_refused(pool_migration, "volume_id of x")


def test_a_blocked_drop_rolls_the_backfill_back(pool_migration: Migration) -> None:
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a"), {"id": "x", "volume_id": "v"})
    assert_drop_refused(pool_migration, "volume_id of x")


@pytest.mark.parametrize("which", ["services", "pool"])
def test_a_view_on_a_column_rolls_the_whole_drop_back(pool_migration: Migration, which: str) -> None:
    create_backfilled_pool(pool_migration, "a")
    view = {
        "services": "CREATE VIEW seen AS SELECT wallet_key FROM instance_infra",
        "pool": "CREATE VIEW seen AS SELECT source_branch FROM instances",
    }
    execute(getattr(pool_migration, which), view[which])
    before = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    with pytest.raises(MigrationFailed, match=r"^The drop failed; both databases are as they were: 2BP01 cannot drop"):
        pool_migration(drop=True)
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == before


def test_a_pool_that_fails_at_its_commit_is_finished_by_another_run(
    pool_migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_backfilled_pool(pool_migration, "a")
    original_drop = legacy_migration.drop_columns

    def drop_and_disconnect(connection, name: str, names: list[str]) -> None:
        original_drop(connection, name, names)
        if name == "instance_infra":
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            execute(pool_migration.pool, f"{query} AND application_name = 'pointsman-migrate'")

    monkeypatch.setattr(legacy_migration, "drop_columns", drop_and_disconnect)
    before = dump_database(pool_migration.pool)
    with pytest.raises(DatabaseUnavailable, match=r"The services database is migrated, .*: run it again$"):
        pool_migration(drop=True)
    assert dump_database(pool_migration.pool) == before
    monkeypatch.setattr(legacy_migration, "drop_columns", original_drop)
    assert pool_migration(drop=True)["dropped"] == {"services": [], "pool": POOL_DROPPED_COLUMNS}

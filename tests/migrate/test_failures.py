"""After any failure both databases are unchanged, and the error says why without a secret."""

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.db.migrations import database
from pointsman.db.migrations import runner as schema
from pointsman.errors import DatabaseUnavailable, MigrationFailed
from tests.harness.background import run_concurrently, run_in_background
from tests.harness.database import connect
from tests.harness.wait import wait_until
from tests.migrate.conftest import Migration
from tests.migrate.legacy_databases import (
    INSTANCE_INFRA_COLUMNS,
    INSTANCE_SERVICES_COLUMNS,
    SECRET_COLUMNS,
    create_databases,
    create_pool_table,
    create_table,
    dump_database,
    execute,
    fetch_rows,
    insert_rows,
    pool_row,
)

pytestmark = pytest.mark.slow

BACKFILL_FAILED = "^The backfill failed; both databases are as they were: "
RAISING_TRIGGER_FUNCTION = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM {table}) >= {after} THEN RAISE EXCEPTION 'no more rows here'; END IF;
        RETURN NEW;
    END $$;
"""


def create_filled_pool(pool_migration: Migration, *names: str) -> None:
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", *(pool_row(name) for name in names))


def create_legacy_services(url: str) -> None:
    columns = {name: kind for name, kind in INSTANCE_INFRA_COLUMNS.items() if name != "provider_project_id"}
    create_table(url, "instance_infra", {**columns, **dict.fromkeys(SECRET_COLUMNS, "TEXT NOT NULL")})
    create_table(url, "instance_services", INSTANCE_SERVICES_COLUMNS)


def assert_migration_fails(pool_migration: Migration, message: str, *, drop: bool = False) -> str:
    """Migrate; assert that it fails with this message and leaves both databases unchanged. Returns the message."""
    before = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    with pytest.raises(MigrationFailed, match=message) as caught:
        pool_migration(drop=drop)
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == before
    return str(caught.value)


@pytest.fixture(params=["fresh", "legacy"])
def schema_variant(request: pytest.FixtureRequest, pool_migration: Migration) -> Migration:
    """A services database without tables, or with those of an older program."""
    if request.param == "legacy":
        create_legacy_services(pool_migration.services)
    return pool_migration


def test_a_service_of_two_instances_fails_the_backfill(schema_variant: Migration) -> None:
    create_filled_pool(schema_variant, "a", "b")
    insert_rows(schema_variant.pool, "instances", pool_row("c", service_id="service-a"))
    message = assert_migration_fails(
        schema_variant,
        BACKFILL_FAILED + "23505 duplicate key .*table instance_infra, constraint instance_infra_provider_serv",
    )
    assert "service-a" not in message


@pytest.mark.parametrize(("name", "after"), [("instance_infra", 2), ("instance_services", 3)])
def test_a_rejected_row_rolls_the_backfill_back(pool_migration: Migration, name: str, after: int) -> None:
    create_legacy_services(pool_migration.services)
    execute(pool_migration.services, RAISING_TRIGGER_FUNCTION.format(table=name, after=after))
    execute(
        pool_migration.services, f"CREATE TRIGGER refuse BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    create_filled_pool(pool_migration, "a", "b", "c")
    assert_migration_fails(pool_migration, BACKFILL_FAILED + "P0001 no more rows here")
    execute(pool_migration.services, f"DROP TRIGGER refuse ON {name}")
    assert pool_migration()["backfilled"]["instances"] == 3


def call_at_commit(pool_migration: Migration, function: str) -> None:
    """Call the function `refuse` when the backfill is committed, with columns left to drop in the pool only."""
    # The deferred trigger blocks another ALTER TABLE, so services may have nothing legacy to drop.
    create_table(pool_migration.services, "instance_infra", INSTANCE_INFRA_COLUMNS)
    execute(pool_migration.services, function)
    execute(
        pool_migration.services,
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON instance_infra DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    create_filled_pool(pool_migration, "a")


def test_a_rejected_commit_rolls_the_pools_drop_back(pool_migration: Migration) -> None:
    call_at_commit(pool_migration, RAISING_TRIGGER_FUNCTION.format(table="instance_infra", after=1))
    assert_migration_fails(pool_migration, "could not be committed; both databases are as they were: P0001", drop=True)


def test_a_commit_with_an_unknown_outcome_is_reported_and_rolls_the_pools_drop_back(pool_migration: Migration) -> None:
    call_at_commit(
        pool_migration,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'",
    )
    before = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    with pytest.raises(DatabaseUnavailable, match="may have happened or not"):
        pool_migration(drop=True)
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == before


def test_missing_railway_settings_fail_the_backfill(schema_variant: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    create_filled_pool(schema_variant, "a")
    monkeypatch.delenv("RAILWAY_API_TOKEN")
    assert_migration_fails(schema_variant, BACKFILL_FAILED + "The setting RAILWAY_API_TOKEN is missing")
    monkeypatch.setenv("RAILWAY_API_TOKEN", "x")
    monkeypatch.delenv("RAILWAY_ENVIRONMENT_ID")
    monkeypatch.setenv("RAILWAY_ENVIRONMENT_NAME", "no-such")
    assert_migration_fails(schema_variant, BACKFILL_FAILED + ".*RAILWAY_ENVIRONMENT_NAME is wrong: .*production")


def test_a_rejected_token_fails_the_backfill(schema_variant: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    create_pool_table(schema_variant.pool)
    insert_rows(schema_variant.pool, "instances", pool_row("a", volume_id=None))
    monkeypatch.setenv("RAILWAY_API_TOKEN", "bad-token")
    assert "bad-token" not in assert_migration_fails(
        schema_variant, BACKFILL_FAILED + "railway volumeInstances: .*Not Authorized"
    )


def test_unreadable_rows_fail_the_backfill(pool_migration: Migration) -> None:
    create_table(pool_migration.pool, "instances", {"service_id": "TEXT", "name": "TEXT"})
    assert_migration_fails(pool_migration, BACKFILL_FAILED + "42703 column .id. does not exist")


def test_an_invalid_time_fails_the_backfill(pool_migration: Migration) -> None:
    create_pool_table(pool_migration.pool)
    execute(pool_migration.pool, "ALTER TABLE instances ALTER created_at DROP DEFAULT, ALTER created_at TYPE TEXT")
    insert_rows(pool_migration.pool, "instances", pool_row("a", created_at="yesterday-ish"))
    assert_migration_fails(pool_migration, BACKFILL_FAILED + "22007")
    execute(pool_migration.pool, "UPDATE instances SET created_at = 'infinity'")
    assert_migration_fails(pool_migration, BACKFILL_FAILED + r"a value cannot be used \(DataError\)")


def test_text_without_an_encoding_is_read_as_utf_8(
    pool_migration: Migration, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    with create_databases(stack.database_url, 1, kind) as [pool]:
        monkeypatch.setenv("POOL_DATABASE_URL", pool)
        create_pool_table(pool)
        insert_rows(pool, "instances", pool_row("a"))
        execute(pool, r"UPDATE instances SET url = E'https://\xe9'")
        assert_migration_fails(pool_migration, BACKFILL_FAILED + "22021 invalid byte sequence")
        execute(pool, r"UPDATE instances SET url = E'https://\xc3\xa9'")
        pool_migration()
    assert [row["url"] for row in fetch_rows(pool_migration.services, "SELECT url FROM instance_infra")] == [
        "https://é"
    ]


SECRET = "hid-den"
UNREACHABLE_URLS = [
    f"postgresql://someone:{SECRET}@127.0.0.1:1/none",
    f"host=127.0.0.1 port=1 password={SECRET}",
    f"postgresql://someone:{SECRET}#x@127.0.0.1:1/none",
    f"no address {SECRET}",
    f"postgresql://someone@127.0.0.1:{SECRET}/none",
    f"postgresql://[{SECRET}/none",
]


@pytest.mark.parametrize("url", UNREACHABLE_URLS)
def test_an_unreachable_address_is_not_in_the_error(
    pool_migration: Migration, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("POOL_DATABASE_URL", url)
    message = assert_migration_fails(
        pool_migration, BACKFILL_FAILED + r"The pool's database cannot be reached \(\w+\)$"
    )
    monkeypatch.setenv("SERVICE_DATABASE_URL", url)
    with pytest.raises(DatabaseUnavailable, match=r"^The services database cannot be reached") as caught:
        pool_migration()
    assert SECRET not in message + repr(caught.value) + str(caught.value)


def test_a_wrong_password_is_not_in_the_error(pool_migration: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    user, _, host = pool_migration.pool.partition("@")
    monkeypatch.setenv("POOL_DATABASE_URL", f"{user}{SECRET}@{host}")
    message = assert_migration_fails(pool_migration, "The pool's database cannot be reached")
    assert SECRET not in message
    assert user.rsplit(":", 1)[1] not in message


@pytest.mark.parametrize("which", ["services", "pool"])
def test_a_database_lost_in_the_middle_changes_nothing(
    pool_migration: Migration, railway_simulator: SimulatorClient, which: str
) -> None:
    """During Railway's listing: the rows are read and none is written yet."""
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a", volume_id=None))
    railway_simulator.inject_fault("railway", "*", "slow", seconds=0.5, match="volumeInstances")
    url = getattr(pool_migration, which)
    termination = run_in_background(lambda: terminate_migration(url, railway_simulator))
    if which == "services":
        assert_migration_fails(pool_migration, BACKFILL_FAILED + "(57P01|the database broke off)")
    else:
        # By then the backfill has read all that it needs of the pool.
        assert pool_migration()["backfilled"]["instances"] == 1
    termination.result()


def terminate_migration(url: str, railway_simulator: SimulatorClient) -> None:
    wait_until(
        lambda: any(
            "volumeInstances" in str(fault["match"]) and fault["struck"] for fault in railway_simulator.list_faults()
        ),
        description="the request for volumes",
    )
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'pointsman-migrate'"
    )
    assert fetch_rows(url, query)


def test_a_lock_timeout_changes_nothing(pool_migration: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    create_filled_pool(pool_migration, "a")
    pool_migration()
    for module in (schema, database):
        monkeypatch.setattr(module, "LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    monkeypatch.setattr("pointsman.db.migrations.pool_manager_schema.LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    with connect(pool_migration.pool, autocommit=False) as reader:
        reader.execute("SELECT FROM instances")
        assert_migration_fails(pool_migration, "^The drop failed; both databases are as they were: 55P03", drop=True)
    with connect(pool_migration.services, autocommit=False) as writer:
        writer.execute("DELETE FROM instance_infra")
        assert_migration_fails(pool_migration, "^The drop failed; both databases are as they were: 55P03", drop=True)
    with connect(pool_migration.services, autocommit=False) as other:
        other.execute("LOCK TABLE instance_infra")
        with pytest.raises(MigrationFailed, match=BACKFILL_FAILED + "55P03"):
            pool_migration()


@pytest.mark.parametrize("drop", [False, True])
def test_concurrent_migrations_run_once(pool_migration: Migration, drop: bool) -> None:
    create_filled_pool(pool_migration, *"abcde")
    reports = run_concurrently(*[lambda: pool_migration(drop=drop)] * 4)
    assert len(reports) == 4
    assert [report["backfilled"] for report in reports if report["backfilled"]] == [
        {"instances": 5, "tools": 10, "volumesCompleted": 0, "withoutVolume": 0}
    ]
    assert len(fetch_rows(pool_migration.services, "SELECT * FROM instance_services")) == 10
    nothing = {"services": [], "pool": []}
    assert len([report for report in reports if report.get("dropped", nothing) != nothing]) == drop

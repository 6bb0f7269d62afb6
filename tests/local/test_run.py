import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.harness.checkout import temporary_checkout
from tests.harness.clients import send_request
from tests.harness.paths import CHECKOUT
from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until
from tests.harness.worker_processes import has_exited

pytestmark = pytest.mark.slow


@pytest.fixture
def own_checkout() -> Iterator[Path]:
    """A checkout for one test."""
    with temporary_checkout() as folder:
        yield folder


def wait_for_failure(runner_process: RunnerProcess) -> tuple[int, str]:
    """Exit code and last line of a run that is expected to fail."""
    with runner_process:
        code = runner_process.wait()
    assert not any("Traceback" in line for line in runner_process.lines)
    return code, runner_process.lines[-1]


def get_process_name(process: psutil.Process) -> str:
    """Its name; one that has ended meanwhile has none."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def test_it_is_refused_until_ready_migrates_first_and_stops_without_leaving_a_process(own_checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with RunnerProcess(own_checkout, PORT=str(port)) as running:

        def get_health_status() -> int:
            try:
                return send_request(f"http://127.0.0.1:{port}", "GET", "/healthz")[0]
            except ConnectionRefusedError:
                return 0

        assert wait_until(get_health_status, 30) == 200
        assert running.url == f"http://127.0.0.1:{port}"
        with psycopg.connect(running.database_url) as connection:
            assert connection.execute("select count(*) from migrated").fetchone() == (1,)
        lock_owner = json.loads((own_checkout / ".pointsman/run.lock").read_text(encoding="utf-8"))
        assert (lock_owner["pid"], lock_owner["port"]) == (running.process.pid, port)
        running.invoke("Slow")
        processes = running.descendants()
        assert {"postgres"} < {get_process_name(process) for process in processes}
        assert any("awslambdaric" in process.cmdline() for process in processes)
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 0
    assert running.lines[-1] == "Pointsman has stopped"
    assert all(has_exited(process.pid) for process in processes)


def test_nothing_outlives_a_runner_that_is_killed_and_the_next_one_starts(own_checkout: Path) -> None:
    with RunnerProcess(own_checkout) as running:
        running.invoke("Slow")
        busy = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import urllib.request as u; u.urlopen(u.Request('{running.url}/misc/sleep', b''))",
            ],
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: any(worker["requestId"] for worker in running.workers("Misc")))
        processes = running.descendants()
        running.process.kill()
        running.wait()
        busy.wait(20)
    for process in processes:
        wait_until(lambda pid=process.pid: has_exited(pid))
    with RunnerProcess(own_checkout) as again:
        with psycopg.connect(again.database_url) as connection:
            assert connection.execute("select count(*) from migrated").fetchone() == (2,)
        again.process.terminate()
        assert again.wait() == 0


def test_it_stops_in_the_middle_of_starting(own_checkout: Path) -> None:
    with RunnerProcess(own_checkout) as running:
        running.wait_for_line("Pointsman is starting")
        processes = wait_until(running.descendants)
        running.process.terminate()
        assert running.wait() == 0
    assert all(has_exited(process.pid) for process in processes)


def test_a_second_run_says_what_the_first_one_holds(runner: RunnerProcess, root: Path) -> None:
    code, line = wait_for_failure(RunnerProcess(root))
    assert code == 1
    assert f"another Pointsman (pid {runner.process.pid}) serves {runner.url}" in line
    assert str(root / ".pointsman") in line


def test_a_port_that_another_pointsman_has_is_named(runner: RunnerProcess, root: Path, own_checkout: Path) -> None:
    port = runner.url.rsplit(":", 1)[1]
    code, line = wait_for_failure(RunnerProcess(own_checkout, PORT=port))
    assert code == 1
    assert line == (
        f"pointsman: port {port} is taken by another Pointsman (pid {runner.process.pid}, in {root}):"
        " stop it or set PORT"
    )


def test_a_port_that_another_program_has_is_named(own_checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        code, line = wait_for_failure(RunnerProcess(own_checkout, "--port", str(port)))
    assert code == 1
    assert f"port {port} is taken by {psutil.Process().name()} (pid {os.getpid()})" in line


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PORT": "many"}, "PORT is 'many'"),
        ({"API_HOST": "no.such.host.invalid"}, "API_HOST is 'no.such.host.invalid'"),
        (
            {"SERVICE_DATABASE_URL": "postgresql://u:hidden@127.0.0.1:9/x"},
            "127.0.0.1:9/x cannot be reached",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(own_checkout: Path, changes: dict[str, str], message: str) -> None:
    code, line = wait_for_failure(RunnerProcess(own_checkout, **changes))
    assert code == 1
    assert line.startswith("pointsman: ")
    assert message in line
    assert "hidden" not in line


def test_a_missing_template_is_one_line(own_checkout: Path) -> None:
    (own_checkout / "template.yaml").unlink()
    code, line = wait_for_failure(RunnerProcess(own_checkout))
    assert (code, line) == (1, f"pointsman: {own_checkout / 'template.yaml'} is missing")


def test_failing_migrations_are_one_line_and_leave_no_process(own_checkout: Path) -> None:
    (own_checkout / "functions/migrate.py").write_text(
        "def handler(event, context):\n    raise ValueError('too old')\n"
    )
    with RunnerProcess(own_checkout) as running:
        assert running.wait() == 1
    assert "the migrations failed: ValueError: too old" in running.lines[-1]


def test_an_external_database_and_simulated_providers_are_used_as_set(
    runner: RunnerProcess, own_checkout: Path
) -> None:
    changes = {"RAILWAY_API_URL": "http://127.0.0.1:1/mine", "SERVICE_DATABASE_URL": runner.database_url}
    with RunnerProcess(own_checkout, RAILWAY_API_TOKEN=None, TELNYX_API_KEY=None, **changes) as running:
        database = running.get_banner_value("database")
        assert runner.database_url.endswith(database)
        assert "@" not in database
        status = running.status()
        assert status["processes"]["postgres"] is None
        assert status["simulator"] == running.get_banner_value("simulator")
        assert status["providers"]["telnyx"] == "simulated"
        answer, _ = running.invoke("Echo")
        assert answer["env"]["RAILWAY_API_TOKEN"] == "sim-railway-key"
        assert answer["env"]["RAILWAY_API_URL"] == "http://127.0.0.1:1/mine"
        assert answer["env"]["RAILWAY_PROJECT_ID"] == "sim-project"


def test_an_old_interpreter_is_rejected_with_a_message() -> None:
    code = "import sys, runpy; sys.version_info = (3, 8, 0); runpy.run_module('local', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "pointsman: Python 3.11 or newer is needed, this is 3.8\n"

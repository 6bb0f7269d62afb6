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

from tests.local.support import CHECKOUT, Running, checkout, gone, request, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def own() -> Iterator[Path]:
    """A checkout for one test."""
    with checkout() as folder:
        yield folder


def outcome(running: Running) -> tuple[int, str]:
    """Exit code and last line of a run that is expected to fail."""
    with running:
        code = running.wait()
    assert not any("Traceback" in line for line in running.lines)
    return code, running.lines[-1]


def name_of(process: psutil.Process) -> str:
    """Its name; one that has ended meanwhile has none."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def test_it_is_refused_until_ready_migrates_first_and_stops_without_leaving_a_process(own: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with Running(own, PORT=str(port)) as running:

        def answered() -> int:
            try:
                return request(f"http://127.0.0.1:{port}", "GET", "/healthz")[0]
            except ConnectionRefusedError:
                return 0

        assert wait_for(answered, 30) == 200
        assert running.url == f"http://127.0.0.1:{port}"
        with psycopg.connect(running.database_url) as connection:
            assert connection.execute("select count(*) from migrated").fetchone() == (1,)
        held = json.loads((own / ".pointsman/run.lock").read_text(encoding="utf-8"))
        assert (held["pid"], held["port"]) == (running.process.pid, port)
        running.invoke("Slow")
        processes = running.descendants()
        assert {"postgres"} < {name_of(process) for process in processes}
        assert any("awslambdaric" in process.cmdline() for process in processes)
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 0
    assert running.lines[-1] == "Pointsman has stopped"
    assert all(gone(process.pid) for process in processes)


def test_nothing_outlives_a_runner_that_is_killed_and_the_next_one_starts(own: Path) -> None:
    with Running(own) as running:
        running.invoke("Slow")
        busy = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import urllib.request as u; u.urlopen(u.Request('{running.url}/misc/sleep', b''))",
            ],
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: any(worker["requestId"] for worker in running.workers("Misc")))
        processes = running.descendants()
        running.process.kill()
        running.wait()
        busy.wait(20)
    for process in processes:
        wait_for(lambda pid=process.pid: gone(pid))
    with Running(own) as again:
        with psycopg.connect(again.database_url) as connection:
            assert connection.execute("select count(*) from migrated").fetchone() == (2,)
        again.process.terminate()
        assert again.wait() == 0


def test_it_stops_in_the_middle_of_starting(own: Path) -> None:
    with Running(own) as running:
        running.line("Pointsman is starting")
        processes = wait_for(running.descendants)
        running.process.terminate()
        assert running.wait() == 0
    assert all(gone(process.pid) for process in processes)


def test_a_second_run_says_what_the_first_one_holds(runner: Running, root: Path) -> None:
    code, line = outcome(Running(root))
    assert code == 1
    assert f"another Pointsman (pid {runner.process.pid}) serves {runner.url}" in line
    assert str(root / ".pointsman") in line


def test_a_port_that_another_pointsman_has_is_named(runner: Running, root: Path, own: Path) -> None:
    port = runner.url.rsplit(":", 1)[1]
    code, line = outcome(Running(own, PORT=port))
    assert code == 1
    assert line == (
        f"pointsman: port {port} is taken by another Pointsman (pid {runner.process.pid}, in {root}):"
        " stop it or set PORT"
    )


def test_a_port_that_another_program_has_is_named(own: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        code, line = outcome(Running(own, "--port", str(port)))
    assert code == 1
    assert f"port {port} is taken by {psutil.Process().name()} (pid {os.getpid()})" in line


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RAILWAY_API_TOKEN": "real"}, "set RAILWAY_PROJECT_ID"),
        ({"PORT": "many"}, "PORT is 'many'"),
        ({"API_HOST": "no.such.host.invalid"}, "API_HOST is 'no.such.host.invalid'"),
        (
            {"SERVICE_DATABASE_URL": "postgresql://u:hidden@127.0.0.1:9/x"},
            "127.0.0.1:9/x cannot be reached",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(own: Path, changes: dict[str, str], message: str) -> None:
    code, line = outcome(Running(own, **changes))
    assert code == 1
    assert line.startswith("pointsman: ")
    assert message in line
    assert "hidden" not in line


def test_a_missing_template_is_one_line(own: Path) -> None:
    (own / "template.yaml").unlink()
    code, line = outcome(Running(own))
    assert (code, line) == (1, f"pointsman: {own / 'template.yaml'} is missing")


def test_failing_migrations_are_one_line_and_leave_no_process(own: Path) -> None:
    (own / "functions/migrate.py").write_text("def handler(event, context):\n    raise ValueError('too old')\n")
    with Running(own) as running:
        assert running.wait() == 1
    assert "the migrations failed: ValueError: too old" in running.lines[-1]


def test_an_external_database_and_simulated_providers_are_used_as_set(runner: Running, own: Path) -> None:
    changes = {"RAILWAY_API_URL": "http://127.0.0.1:1/mine", "SERVICE_DATABASE_URL": runner.database_url}
    with Running(own, RAILWAY_API_TOKEN=None, TELNYX_API_KEY=None, **changes) as running:
        database = running.banner("database")
        assert runner.database_url.endswith(database)
        assert "@" not in database
        status = running.status()
        assert status["processes"]["postgres"] is None
        assert status["simulator"] == running.banner("simulator")
        assert status["providers"]["telnyx"] == "simulated"
        answer, _ = running.invoke("Echo")
        assert answer["env"]["RAILWAY_API_TOKEN"] == "sim-railway-key"
        assert answer["env"]["RAILWAY_API_URL"] == "http://127.0.0.1:1/mine"
        assert answer["env"]["RAILWAY_PROJECT_ID"] == "sim-project"


def test_an_old_interpreter_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, runpy; sys.version_info = (3, 8, 0); runpy.run_module('local', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "pointsman: Python 3.11 or newer is needed, this is 3.8\n"

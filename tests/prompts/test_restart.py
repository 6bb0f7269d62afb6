"""An approval that is given after everything has been killed and started again: the prompt goes on."""

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from pointsman.db import connection
from pointsman.prompts import beginning, deciding, reading
from tests.local.support import CHECKOUT, Running
from tests.workflow.helpers import fresh_id, until

pytestmark = pytest.mark.slow

SIMULATED = dict.fromkeys(
    ("RAILWAY_API_TOKEN", "OPENROUTER_MANAGEMENT_KEY", "AGENTMAIL_API_KEY", "TELNYX_API_KEY", "MODEL_API_KEY")
)


def at(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, this process's functions work with this runner."""
    connection.close()
    status = running.status()
    monkeypatch.setenv("SERVICE_DATABASE_URL", running.database_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", status["aws"])
    monkeypatch.setenv("PROMPT_STATE_MACHINE_ARN", status["stateMachines"]["RunPromptMachine"])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "local")


def killed(running: Running) -> None:
    """No process of it is left, Postgres's neither."""
    processes = running.descendants()
    running.process.send_signal(signal.SIGKILL)
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    running.wait()
    # Not even a zombie: Postgres takes that for a postmaster that still runs.
    until(lambda: not any(psutil.pid_exists(process.pid) for process in processes) or None, 40)


def status_of(prompt_id: str) -> Callable[[], str | None]:
    def look() -> str | None:
        status = reading.page("ada", prompt_id)["status"]
        return str(status) if status in ("completed", "failed") else None

    return look


def test_approval_after_runner_and_postgres_were_killed_and_restarted_continues_the_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"POINTSMAN_DATA": str(tmp_path), "SETTLE_SECONDS": "1", **SIMULATED}
    instance = fresh_id()
    with Running(CHECKOUT, **changes) as running:
        at(running, monkeypatch)
        prompt_id = beginning.begin("ada", f"Create an instance named {instance}")
        with psycopg.connect(running.database_url, autocommit=True) as db:
            query = "SELECT FROM prompts WHERE id = %s AND task_token IS NOT NULL"
            until(lambda: db.execute(query, (prompt_id,)).rowcount == 1 or None, 40)
        connection.close()
        killed(running)
    with Running(CHECKOUT, **changes) as running:
        at(running, monkeypatch)
        approval = reading.page("ada", prompt_id)["approval"]
        assert isinstance(approval, dict)
        deciding.decide("ada", prompt_id, approval["toolCallId"], True, given=approval["input"])
        assert until(status_of(prompt_id), 60) == "completed"
        events = [(event.event, event.data) for event in reading.events_after("ada", prompt_id)]
        assert [event for event, _ in events] == [
            "prompt.created", "prompt.approval", "prompt.output", "prompt.output", "prompt.completed",
        ]  # fmt: skip
        assert events[2][1]["result"]["output"]["instanceId"] == instance
        connection.close()

"""Creating instances in tests, ending tasks in the middle, and what must hold afterwards."""

import contextlib
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import psutil
import psycopg
from psycopg.rows import dict_row

from local.simulator.client import SimulatorClient
from local.stack import Stack

TOOLS = ["openrouter", "agentmail", "telnyx"]
Database = psycopg.Connection[dict[str, Any]]

T = TypeVar("T")

_numbers = itertools.count(1)
_restarting = threading.Lock()


def fresh_id() -> str:
    return f"t{os.getpid()}-{next(_numbers)}"


def request_for(instance_id: str, tools: list[str] | None = None) -> dict[str, Any]:
    return {
        "instanceId": instance_id,
        "name": f"convos-agent-{instance_id}",
        "tools": TOOLS if tools is None else tools,
    }


def create(api: httpx.Client, body: dict[str, Any]) -> httpx.Response:
    return api.post("/create-instance", json=body)


def ended(api: httpx.Client, answer: httpx.Response, within: float = 60) -> dict[str, Any]:
    """The operation's page once it has ended; for answers that name one."""
    operation_id = answer.json()["operationId"]
    return until(lambda: _ended(api.get(f"/operations/{operation_id}").json()), within)


def _ended(page: dict[str, Any]) -> dict[str, Any] | None:
    return page if page["status"] != "running" else None


def until(look: Callable[[], T | None], within: float = 20) -> T:
    """What `look` returns as soon as it is something."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within} s")


def in_background(work: Callable[[], httpx.Response]) -> Callable[[], httpx.Response]:
    """Begin the request; the returned function waits for its answer."""
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(work()), daemon=True)
    thread.start()

    def answer() -> httpx.Response:
        thread.join(60)
        return answers[0]

    return answer


def kill_tasks(handler: str) -> int:
    """SIGKILL every process that serves this handler; how many there were."""
    killed = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            line = process.cmdline()
            if any("awslambdaric" in part for part in line) and handler in line:
                process.send_signal(signal.SIGKILL)
                killed += 1
    return killed


def connected(stack: Stack) -> Database:
    """A connection to the stack's database."""
    return psycopg.connect(stack.database_url, autocommit=True, row_factory=dict_row)


def row(stack: Stack, query: str, *values: object, within: float = 20) -> dict[str, Any] | None:
    """The first row that a query finds, also while the database is starting again."""
    deadline = time.monotonic() + within
    while True:
        try:
            with connected(stack) as db:
                return db.execute(query, values).fetchone()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def restart_postgres(stack: Stack) -> None:
    """Stop the server as an operator would, which ends every connection, and start it again at its address."""
    postgres = stack._running._postgres
    assert postgres is not None
    with _restarting:
        before = postgres.url
        stack._run(postgres.stop())
        assert stack._run(postgres.start()) == before, "Postgres came back somewhere else"


def forget_other_tests(db: Database) -> None:
    """Take out of the database what other tests left there: the simulator, being reset, knows nothing of it, and hands
    the same numbers out again."""
    db.execute("DELETE FROM instance_infra")
    db.execute("UPDATE operation_resources SET state = 'deleted'")
    db.execute("UPDATE operations SET status = 'failed' WHERE status IN ('running', 'leaked')")


def assert_nothing_is_left(simulator: SimulatorClient, db: Database, instance_id: str) -> None:
    assert simulator.leftovers() == []
    for table in ("instance_infra", "instance_services"):
        rows = db.execute(f"SELECT * FROM {table} WHERE instance_id = %s", (instance_id,)).fetchall()
        assert rows == [], table
    open_entries = db.execute(
        "SELECT * FROM operation_resources WHERE instance_id = %s AND state IN ('intended', 'created')", (instance_id,)
    ).fetchall()
    assert open_entries == []


def assert_can_be_made_again(api: httpx.Client, simulator: SimulatorClient, body: dict[str, Any]) -> None:
    """The same request succeeds now, and what it makes can be destroyed to the last."""
    simulator.clear_faults()
    again = create(api, body)
    assert again.status_code == 200, again.text
    assert set(again.json()["services"]) == set(body["tools"])
    gone = api.delete(f"/destroy/{body['instanceId']}")
    assert gone.status_code == 200, gone.text
    assert simulator.leftovers() == []

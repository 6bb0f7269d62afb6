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
from local.stack.stack import Stack

TOOLS = ["openrouter", "agentmail", "telnyx"]
Database = psycopg.Connection[dict[str, Any]]

T = TypeVar("T")

_instance_counter = itertools.count(1)
_restart_lock = threading.Lock()


def new_instance_id() -> str:
    return f"t{os.getpid()}-{next(_instance_counter)}"


def create_request(instance_id: str, tools: list[str] | None = None) -> dict[str, Any]:
    return {
        "instanceId": instance_id,
        "name": f"convos-agent-{instance_id}",
        "tools": TOOLS if tools is None else tools,
    }


def create_instance(api: httpx.Client, body: dict[str, Any]) -> httpx.Response:
    return api.post("/create-instance", json=body)


def wait_for_operation(api: httpx.Client, response: httpx.Response, timeout: float = 60) -> dict[str, Any]:
    """The operation's page once it has ended; for answers that name one."""
    operation_id = response.json()["operationId"]
    return wait_until(lambda: _page_if_ended(api.get(f"/operations/{operation_id}").json()), timeout)


def _page_if_ended(page: dict[str, Any]) -> dict[str, Any] | None:
    return page if page["status"] != "running" else None


def wait_until(condition: Callable[[], T | None], timeout: float = 20) -> T:
    """What `look` returns as soon as it is something."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout} s")


def run_in_background(request: Callable[[], httpx.Response]) -> Callable[[], httpx.Response]:
    """Begin the request; the returned function waits for its answer."""
    responses: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: responses.append(request()), daemon=True)
    thread.start()

    def wait_for_response() -> httpx.Response:
        thread.join(60)
        return responses[0]

    return wait_for_response


def kill_workers(handler: str) -> int:
    """SIGKILL every process that serves this handler; how many there were."""
    killed = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            line = process.cmdline()
            if any("awslambdaric" in part for part in line) and handler in line:
                process.send_signal(signal.SIGKILL)
                killed += 1
    return killed


def connect(stack: Stack) -> Database:
    """A connection to the stack's database."""
    return psycopg.connect(stack.database_url, autocommit=True, row_factory=dict_row)


def fetch_row(stack: Stack, query: str, *values: object, timeout: float = 20) -> dict[str, Any] | None:
    """The first row that a query finds, also while the database is starting again."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            with connect(stack) as db:
                return db.execute(query, values).fetchone()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def restart_postgres(stack: Stack) -> None:
    """Stop the server as an operator would, which ends every connection, and start it again at its address."""
    postgres = stack._started_runner._postgres
    assert postgres is not None
    with _restart_lock:
        old_url = postgres.url
        stack._run_coroutine(postgres.stop())
        assert stack._run_coroutine(postgres.start()) == old_url, "Postgres came back somewhere else"


def reset_fleet_tables(db: Database) -> None:
    """Take out of the database what other tests left there: the simulator, being reset, knows nothing of it, and hands
    the same numbers out again."""
    db.execute("DELETE FROM instance_infra")
    db.execute("UPDATE operation_resources SET state = 'deleted'")
    db.execute("UPDATE operations SET status = 'failed' WHERE status IN ('running', 'leaked')")


def assert_nothing_is_left(simulator: SimulatorClient, db: Database, instance_id: str) -> None:
    assert simulator.list_leftovers() == []
    for table in ("instance_infra", "instance_services"):
        rows = db.execute(f"SELECT * FROM {table} WHERE instance_id = %s", (instance_id,)).fetchall()
        assert rows == [], table
    open_entries = db.execute(
        "SELECT * FROM operation_resources WHERE instance_id = %s AND state IN ('intended', 'created')", (instance_id,)
    ).fetchall()
    assert open_entries == []


def assert_can_be_created_again(api: httpx.Client, simulator: SimulatorClient, body: dict[str, Any]) -> None:
    """The same request succeeds now, and what it makes can be destroyed to the last."""
    simulator.clear_faults()
    response = create_instance(api, body)
    assert response.status_code == 200, response.text
    assert set(response.json()["services"]) == set(body["tools"])
    destroyed = api.delete(f"/destroy/{body['instanceId']}")
    assert destroyed.status_code == 200, destroyed.text
    assert simulator.list_leftovers() == []

"""Waits for the database end with the invocation's deadline: for a lock, and for a server that does not answer."""

import socket
from collections.abc import Iterator

import pytest

from local.stack.stack import Stack
from pointsman import deadlines
from pointsman.db import connection
from pointsman.db.connection import run_in_transaction, run_statement
from pointsman.errors import DatabaseUnavailable
from tests.harness.database import connect
from tests.harness.lambda_context import LambdaContext
from tests.harness.wait import wait_until

BLOCKED_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%planted-wait%' AND wait_event_type = 'Lock'"


@pytest.fixture
def database_url(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("SERVICE_DATABASE_URL", stack.database_url)
    connection.close()
    yield stack.database_url
    connection.close()


def wait_for_lock(db: connection.Connection) -> None:
    db.execute("SELECT pg_advisory_xact_lock(424242) /* planted-wait */")


@pytest.mark.slow
@pytest.mark.limit("database-waits-of-an-invocation")
@pytest.mark.parametrize("run", [run_in_transaction, run_statement])
@pytest.mark.parametrize("is_reused", [False, True])
def test_a_lock_is_waited_for_until_the_deadline_and_then_cancelled(database_url: str, run, is_reused: bool) -> None:
    if is_reused:
        run_statement(lambda db: db.execute("SELECT 1"))
    with connect(database_url, autocommit=False) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(424242)")
        context = LambdaContext(4)
        with deadlines.begin(context), pytest.raises(DatabaseUnavailable, match="did not answer in time"):
            run(wait_for_lock)
        assert context.get_remaining_time_in_millis() < 1200
        wait_until(lambda: not holder.execute(BLOCKED_SESSIONS).fetchall(), 10, "the end of the query")
    assert run_statement(lambda db: db.execute("SELECT 1 AS one").fetchone()) == {"one": 1}


def test_no_connection_is_opened_after_the_deadline(database_url: str) -> None:
    with deadlines.begin(LambdaContext(1)), pytest.raises(DatabaseUnavailable, match="did not answer in time"):
        run_statement(lambda db: db.execute("SELECT 1"))


@pytest.mark.slow
@pytest.mark.limit("database-connect-time")
def test_a_silent_server_is_waited_for_no_longer_than_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SERVICE_DATABASE_URL", f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/x")
        connection.close()
        context = LambdaContext(60)
        with deadlines.begin(context), pytest.raises(DatabaseUnavailable):
            run_statement(lambda db: db.execute("SELECT 1"))
        assert context.get_remaining_time_in_millis() > 30_000


def test_without_a_deadline_a_lock_is_waited_for(database_url: str) -> None:
    with connect(database_url, autocommit=False) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(424242)")
        with pytest.raises(DatabaseUnavailable, match="LockNotAvailable"):
            run_in_transaction(lambda db: (db.execute("SET LOCAL lock_timeout = 300"), wait_for_lock(db)))

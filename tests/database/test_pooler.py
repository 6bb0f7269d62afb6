"""The bundle behind PgBouncer in transaction mode: no session outlives its transaction."""

from collections.abc import Iterator

import httpx
import psycopg
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.background import run_concurrently
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client, services_client
from tests.harness.database import connect
from tests.harness.ids import unique_id
from tests.harness.instances import TOOLS, create_instance, create_request, new_instance_id, wait_for_operation
from tests.harness.pooler import PROGRAM, run_pgbouncer
from tests.harness.runner_process import RunnerProcess
from tests.harness.stack import API_KEY
from tests.prompts.prompt_stream import decide_successfully, destroy_turn, open_stream, start_prompt, text_turn

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="pgbouncer is not installed (Debian: apt-get install pgbouncer)"
)

POOL_SIZE = 3
"""Connections to Postgres: fewer than there are functions' processes."""


@pytest.fixture(scope="module")
def database_url(stack: Stack) -> Iterator[str]:
    """An empty database of this module, not through the pooler."""
    name = unique_id("pooled_").replace("-", "_")
    with connect(stack.database_url) as db:
        db.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        yield stack.database_url.rpartition("/")[0] + f"/{name}"
        db.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))


@pytest.fixture(scope="module")
def pooled_runner(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """A bundle whose functions, migrations included, reach Postgres through the pooler only."""
    root = link_checkout(tmp_path_factory.mktemp("pooled"))
    with (
        run_pgbouncer(database_url, POOL_SIZE) as url,
        RunnerProcess.with_simulated_providers(
            root, SERVICE_DATABASE_URL=url, SERVICES_API_KEY=API_KEY, DATABASE_NOTIFICATIONS="off"
        ) as running,
    ):
        yield running


@pytest.fixture
def runner_simulator(pooled_runner: RunnerProcess) -> Iterator[SimulatorClient]:
    with SimulatorClient(pooled_runner.get_banner_value("simulator")) as client:
        yield client


def create_and_destroy(api: httpx.Client) -> list[str]:
    """Create an instance with all tools and destroy it; returns how both operations ended."""
    instance_id, ends = new_instance_id(), list[str]()
    for response in (
        create_instance(api, create_request(instance_id, TOOLS)),
        api.delete(f"/destroy/{instance_id}"),
    ):
        if response.status_code == 202:
            ends.append(wait_for_operation(api, response.json()["operationId"])["status"])
        else:
            ends.append("succeeded" if response.status_code == 200 else response.text)
    return ends


def test_instances_are_created_and_destroyed(pooled_runner: RunnerProcess) -> None:
    with services_client(pooled_runner.url) as api:
        ends = run_concurrently(lambda: create_and_destroy(api), lambda: create_and_destroy(api))
    assert ends == [["succeeded"] * 2] * 2


def test_prompt_with_an_approval_is_streamed(
    pooled_runner: RunnerProcess, runner_simulator: SimulatorClient, database_url: str
) -> None:
    with agent_client(pooled_runner.url, unique_id("user-")) as client:
        first = start_prompt(client, runner_simulator, destroy_turn(), text_turn("Well."), stream="tokens")
        first.read_until_event("prompt.approval")
        # More streams than the pooler has connections.
        others = [open_stream(client, first.prompt_id) for _ in range(POOL_SIZE)]
        decide_successfully(client, first.prompt_id)
        messages = first.read_to_end()
        assert [other.read_to_end() for other in others] == [messages] * POOL_SIZE
    assert [message.event for message in messages] == [
        "prompt.created", "prompt.approval", "prompt.output", "prompt.output", "prompt.completed",
    ]  # fmt: skip
    with connect(database_url) as db:
        sessions = db.execute(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        ).fetchall()
        assert db.execute("SELECT FROM stream_leases").rowcount == 0
    assert 0 < len(sessions) <= POOL_SIZE
    assert not [session for session in sessions if "LISTEN" in session["query"]]

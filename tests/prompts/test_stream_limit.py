"""How many streams a user may have open at a time, over HTTP and with real processes."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.db import stream_leases
from pointsman.db.connection import run_in_transaction
from pointsman.errors import InvalidSetting, QuotaExceeded
from pointsman.http.agent_api import event_stream
from pointsman.prompts.prompt_execution import recover_prompts
from pointsman.prompts.stream_lease import StreamLease
from pointsman.settings.prompts import StreamSettings
from tests.harness.agent_api import expect_error
from tests.harness.background import run_concurrently
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client
from tests.harness.database import Database, connect
from tests.harness.ids import unique_id
from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.prompt_stream import (
    PromptStream,
    decide_successfully,
    destroy_turn,
    open_stream,
    start_prompt,
    text_turn,
    unique_text,
    watch_new_stream,
)

LIMIT, LEASE_SECONDS = 3, 3


@pytest.fixture(scope="module")
def limited_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle, with a low limit and short leases."""
    with RunnerProcess.with_simulated_providers(
        link_checkout(tmp_path_factory.mktemp("limited")),
        STREAMS_PER_USER=str(LIMIT), STREAM_LEASE_SECONDS=str(LEASE_SECONDS),
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def ada(limited_runner: RunnerProcess) -> Iterator[httpx.Client]:
    with agent_client(limited_runner.url, unique_id("ada-")) as client:
        yield client


@pytest.fixture
def bob(limited_runner: RunnerProcess) -> Iterator[httpx.Client]:
    with agent_client(limited_runner.url, unique_id("bob-")) as client:
        yield client


@pytest.fixture
def runner_simulator(limited_runner: RunnerProcess) -> Iterator[SimulatorClient]:
    with SimulatorClient(limited_runner.get_banner_value("simulator")) as client:
        client.reset()
        yield client


@pytest.fixture
def runner_db(limited_runner: RunnerProcess) -> Iterator[Database]:
    with connect(limited_runner.database_url) as connection:
        yield connection


def start_waiting_prompt(client: httpx.Client, simulator: SimulatorClient) -> PromptStream:
    """Open the stream of a prompt that waits for an approval."""
    stream = start_prompt(client, simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    return stream


def submit(client: httpx.Client, text: str = "") -> httpx.Response:
    """POST /prompt, and return the response without reading a stream."""
    response = client.send(client.build_request("POST", "/prompt", json={"input": text or unique_text()}), stream=True)
    if response.status_code != 200:
        response.read()
    return response


def subscribe(client: httpx.Client, prompt_id: str) -> httpx.Response:
    """GET /prompts/{id}/stream, and return the response without reading a stream."""
    response = client.send(client.build_request("GET", f"/prompts/{prompt_id}/stream"), stream=True)
    if response.status_code != 200:
        response.read()
    return response


def count_rows(db: Database) -> list[object]:
    return [
        db.execute(f"SELECT count(*) AS n FROM {table}").fetchone()
        for table in ("prompts", "prompt_events", "prompt_items")
    ]


def test_one_stream_too_many_is_refused_before_anything_is_stored(
    ada: httpx.Client, bob: httpx.Client, runner_simulator: SimulatorClient, runner_db: Database
) -> None:
    streams = [start_waiting_prompt(ada, runner_simulator) for _ in range(LIMIT)]
    other = start_waiting_prompt(bob, runner_simulator)
    before = count_rows(runner_db)
    for response in (submit(ada), subscribe(ada, other.prompt_id)):
        error = expect_error(response, 429, "QUOTA_EXCEEDED")
        assert error["message"].startswith(f"The quota of open streams is used up: it is {LIMIT} for you.")
        assert error["details"] == {"quota": "open_streams", "limit": LIMIT, "scope": "user", "until": None}
        assert response.headers["retry-after"] == str(LEASE_SECONDS // 3)
    assert count_rows(runner_db) == before
    # Another user has slots of their own, and a stream that has ended gives its slot back at once.
    assert open_stream(bob, other.prompt_id).next_event()
    decide_successfully(ada, streams[0].prompt_id)
    streams[0].read_to_end()
    streams.append(start_waiting_prompt(ada, runner_simulator))
    expect_error(submit(ada), 429, "QUOTA_EXCEEDED")
    for stream in (*streams[1:], other):
        stream.close()


def test_idle_streams_go_on_counting(ada: httpx.Client, runner_simulator: SimulatorClient) -> None:
    streams = [start_waiting_prompt(ada, runner_simulator) for _ in range(LIMIT)]
    time.sleep(1.3 * LEASE_SECONDS)
    expect_error(submit(ada), 429, "QUOTA_EXCEEDED")
    for stream in streams:
        decide_successfully(ada, stream.prompt_id)
        assert stream.read_to_end()[-1].event == "prompt.completed"


def test_of_two_streams_at_once_the_last_slot_goes_to_one(ada: httpx.Client, runner_simulator: SimulatorClient) -> None:
    first = start_waiting_prompt(ada, runner_simulator)
    others = [open_stream(ada, first.prompt_id) for _ in range(LIMIT - 2)]
    for _ in range(5):
        text = unique_text()
        runner_simulator.script_model(destroy_turn(), text_turn("Well."), match=text)
        responses = run_concurrently(lambda: submit(ada, text), lambda: submit(ada, text))  # noqa: B023
        assert sorted(response.status_code for response in responses) == [200, 429]
        won = next(response for response in responses if response.status_code == 200)
        events = won.iter_text()
        prompt_id = next(part for part in events if "prompt-" in part).split('"promptId":"')[1][:39]
        assert ada.post(f"/prompts/{prompt_id}/cancel").status_code == 200
        assert "event: error" in "".join(events)
    for stream in (first, *others):
        stream.close()


def test_stream_of_a_killed_process_stops_counting(
    limited_runner: RunnerProcess, ada: httpx.Client, runner_simulator: SimulatorClient
) -> None:
    streams = [start_waiting_prompt(ada, runner_simulator) for _ in range(LIMIT - 1)]
    with watch_new_stream(limited_runner) as find_pid:
        killed = start_waiting_prompt(ada, runner_simulator)
        pid = find_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert (killed.next_event(), killed.is_broken) == (None, True)
    expect_error(submit(ada), 429, "QUOTA_EXCEEDED")
    wait_until(lambda: submit(ada).status_code == 200, 3 * LEASE_SECONDS, interval=0.2)
    for stream in streams:
        stream.close()


def test_oldest_stream_of_a_prompt_makes_room_for_a_client_that_comes_back(
    ada: httpx.Client, runner_simulator: SimulatorClient, runner_db: Database
) -> None:
    unrelated = start_waiting_prompt(ada, runner_simulator)
    oldest = start_waiting_prompt(ada, runner_simulator)
    prompt_id = oldest.prompt_id
    # The lease of a new prompt's stream names the prompt from its first renewal on.
    query = "SELECT FROM stream_leases WHERE prompt_id = %s"
    wait_until(lambda: runner_db.execute(query, (prompt_id,)).rowcount == 1, 2 * LEASE_SECONDS)
    newer = [open_stream(ada, prompt_id) for _ in range(LIMIT - 2)]
    started_at = time.monotonic()
    for _ in range(2):  # A second refusal recalls no second stream.
        expect_error(subscribe(ada, prompt_id), 429, "QUOTA_EXCEEDED")
    oldest.read_to_end()
    assert time.monotonic() - started_at < LEASE_SECONDS
    assert oldest.raw.endswith(
        b": this stream has made room for another stream of yours; come back with Last-Event-ID\n\n"
    )
    resumed = open_stream(ada, prompt_id, oldest.messages[-1].id)
    for stream in (resumed, unrelated):
        decide_successfully(ada, stream.messages[0].data["promptId"] if stream.messages else prompt_id)
    for stream in (resumed, unrelated, *newer):
        assert stream.read_to_end()[-1].event == "prompt.completed"


def test_lease_is_renewed_while_the_client_does_not_read(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch, db: Database
) -> None:
    monkeypatch.setenv("STREAM_LEASE_SECONDS", "1")
    lease = StreamLease.acquire(user := unique_id("user-"), None)
    query = "SELECT expires_at > clock_timestamp() AS is_valid FROM stream_leases WHERE user_id = %s"
    asyncio.run(event_stream._send_leased(lease, asyncio.sleep(1.5), 10))
    assert db.execute(query, (user,)).fetchall() == [{"is_valid": True}]
    lease.release()
    assert db.execute(query, (user,)).fetchall() == []


def test_lease_whose_slot_was_taken_is_lost(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMS_PER_USER", "1")
    monkeypatch.setenv("STREAM_LEASE_SECONDS", "1")
    late = StreamLease.acquire(user := unique_id("user-"), None)
    with pytest.raises(QuotaExceeded):
        StreamLease.acquire(user, None)
    time.sleep(1.05)
    successor = StreamLease.acquire(user, None)
    late.renew_if_due()
    assert (late.is_lost, successor.is_lost) == (True, False)
    late.release()
    with pytest.raises(QuotaExceeded):
        StreamLease.acquire(user, None)
    successor.release()


def test_lease_that_expired_unnoticed_is_renewed(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_LEASE_SECONDS", "1")
    lease = StreamLease.acquire(unique_id("user-"), None)
    time.sleep(1.05)
    lease.renew_if_due()
    assert not lease.is_lost
    lease.release()


def test_recovery_deletes_expired_leases_only(engine: EngineHarness, db: Database) -> None:
    lease = StreamLease.acquire(user := unique_id("user-"), None)
    run_in_transaction(stream_leases.take_slot, "dead", user, None, 10, 0)
    recover_prompts({"dry": True})
    assert db.execute("SELECT FROM stream_leases WHERE user_id = %s", (user,)).rowcount == 2
    recover_prompts({})
    assert db.execute("SELECT FROM stream_leases WHERE user_id = %s", (user,)).rowcount == 1
    lease.release()


@pytest.mark.parametrize("value", ["0", "-1", "2.5", "many", "nan"])
def test_lease_must_last_a_whole_number_of_seconds(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STREAM_LEASE_SECONDS", value)
    with pytest.raises(InvalidSetting, match="STREAM_LEASE_SECONDS is wrong: it must be a"):
        StreamSettings.load()


def test_limit_is_ten_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMS_PER_USER", raising=False)
    assert StreamSettings.load().per_user == 10

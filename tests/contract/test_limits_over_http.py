"""Quotas and the fleet's limits over HTTP: 50 simultaneous requests to real processes, and what a client is told."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.settings import DEVELOPMENT_API_KEY
from local.simulator.client import SimulatorClient
from pointsman.timestamps import format_timestamp
from tests.harness.agent_api import expect_error
from tests.harness.background import run_concurrently
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client, services_client
from tests.harness.database import Database, connect
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, insert_instance, new_instance_id
from tests.harness.runner_process import RunnerProcess
from tests.prompts.prompt_stream import decide_successfully, destroy_turn, open_stream, start_prompt, text_turn

REQUESTS, PER_USER, FOR_ALL, AN_HOUR, WAITING, TOKENS = 50, 5, 12, 20, 2, 1000
DESTROYS, INSTANCES = 4, 60
TABLES = ("prompts", "prompt_events", "prompt_items")


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The bundle with low quotas."""
    with RunnerProcess.with_simulated_providers(
        link_checkout(tmp_path_factory.mktemp("quotas")),
        STREAMS_PER_USER="off", PROMPTS_AT_ONCE_PER_USER=str(PER_USER), PROMPTS_AT_ONCE_FOR_ALL=str(FOR_ALL),
        PROMPTS_AN_HOUR_PER_USER=str(AN_HOUR), WAITING_APPROVALS_PER_USER=str(WAITING),
        TOKENS_A_DAY_PER_USER=str(TOKENS), DESTROY_HOLD_COUNT=str(DESTROYS), FLEET_MAX_INSTANCES=str(INSTANCES),
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def db(runner: RunnerProcess) -> Iterator[Database]:
    with connect(runner.database_url) as connection:
        connection.execute("UPDATE prompts SET status = 'failed' WHERE status IN ('running', 'waiting')")
        yield connection


@pytest.fixture
def simulator(runner: RunnerProcess) -> Iterator[SimulatorClient]:
    with SimulatorClient(runner.get_banner_value("simulator")) as client:
        client.reset()
        yield client


@pytest.fixture
def ada(runner: RunnerProcess, db: Database, simulator: SimulatorClient) -> Iterator[httpx.Client]:
    with agent_client(runner.url, unique_id("ada-")) as client:
        yield client


def submit(client: httpx.Client, text: str = "Hello", key: str | None = None) -> httpx.Response:
    """POST /prompt, and return the response without reading a stream."""
    headers = {"Idempotency-Key": key} if key else {}
    request = client.build_request("POST", "/prompt", json={"input": text}, headers=headers)
    response = client.send(request, stream=True)
    if response.status_code != 200:
        response.read()
    return response


def expect_quota(response: httpx.Response, quota: str, limit: int, scope: str = "user") -> dict[str, Any]:
    """Return the details of a refusal, which must name this quota."""
    error = expect_error(response, 429, "QUOTA_EXCEEDED")
    details = error["details"]
    assert {**details, "until": None} == {"quota": quota, "limit": limit, "scope": scope, "until": None}
    whose = "for you" if scope == "user" else "for all users together"
    assert error["message"].startswith(f"The quota of {quota.replace('_', ' ')} is used up: it is {limit} {whose}.")
    assert int(response.headers["retry-after"]) >= 1
    return details


def count_rows(db: Database) -> list[int]:
    return [len(db.execute(f"SELECT FROM {table}").fetchall()) for table in TABLES]  # type: ignore[arg-type]


@pytest.mark.limit("prompts-at-once")
def test_of_50_requests_of_one_user_as_many_run_as_may_and_the_others_leave_nothing(
    ada: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.script_model({"text": "Late.", "latency_s": 60}, match="Hello", repeat=True)
    before = count_rows(db)
    responses = run_concurrently(*[lambda: submit(ada)] * REQUESTS)
    accepted = [response for response in responses if response.status_code == 200]
    refused = [response for response in responses if response.status_code != 200]
    assert (len(accepted), len(refused)) == (PER_USER, REQUESTS - PER_USER)
    assert count_rows(db) == [count + PER_USER for count in before]
    for response in refused:
        assert expect_quota(response, "prompts_at_once", PER_USER)["until"] is None
        assert response.headers["retry-after"] == "10"
    for response in accepted:
        response.close()


def test_of_50_requests_of_50_users_as_many_run_as_may_together(
    runner: RunnerProcess, ada: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.script_model({"text": "Late.", "latency_s": 60}, match="Hello", repeat=True)
    users = [agent_client(runner.url, unique_id("user-")) for _ in range(REQUESTS)]
    responses = run_concurrently(*[lambda user=user: submit(user) for user in users])
    refused = [response for response in responses if response.status_code != 200]
    assert len(refused) == REQUESTS - FOR_ALL
    assert db.execute("SELECT FROM prompts WHERE status = 'running'").rowcount == FOR_ALL
    for response in refused:
        expect_quota(response, "prompts_at_once", FOR_ALL, "all")
    # One that ends makes room for one.
    db.execute(
        "UPDATE prompts SET status = 'failed' WHERE id = (SELECT id FROM prompts WHERE status = 'running' LIMIT 1)"
    )
    responses += run_concurrently(*[lambda: submit(ada)] * 10)
    assert [response.status_code for response in responses[-10:]].count(200) == 1
    for response in responses:
        response.close()
    for user in users:
        user.close()


def test_repeat_with_the_key_of_a_stored_prompt_is_answered_whatever_is_used_up(
    ada: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.script_model({"text": "Late.", "latency_s": 60}, match="Hello", repeat=True)
    keys = [unique_id("key-") for _ in range(PER_USER)]
    responses = [submit(ada, key=key) for key in keys]
    expect_quota(submit(ada, key="another"), "prompts_at_once", PER_USER)
    repeats = run_concurrently(*[lambda key=key: submit(ada, key=key) for key in keys * 3])
    assert {response.status_code for response in (*responses, *repeats)} == {200}
    for response in (*responses, *repeats):
        response.close()
    # A key that came with a refused request is free: the same request runs once there is room.
    db.execute("UPDATE prompts SET status = 'failed' WHERE status = 'running'")
    allowed = submit(ada, key="another")
    assert allowed.status_code == 200
    allowed.close()


def insert_prompts_of_this_hour(db: Database, user: str, count: int) -> None:
    """Insert prompts that have ended, the oldest submitted 3 s less than an hour ago."""
    insert = (
        "INSERT INTO prompts (id, user_id, input, status, created_at) SELECT 'prompt-' || md5(%s || n), %s, 'x',"
        " 'completed', clock_timestamp() - make_interval(secs => 3597 - n) FROM generate_series(1, %s) AS n"
    )
    db.execute(insert, (user, user, count))


@pytest.mark.limit("prompts-an-hour")
def test_of_50_requests_as_many_run_as_the_hour_has_room_for(
    ada: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.script_model({"text": "Late.", "latency_s": 60}, match="Hello", repeat=True)
    db.execute("UPDATE prompts SET created_at = created_at - interval '1 hour'")
    insert_prompts_of_this_hour(db, ada.headers["x-user-id"], AN_HOUR - 3)
    db.execute("UPDATE prompts SET created_at = created_at + interval '10 minutes' WHERE status = 'completed'")
    responses = run_concurrently(*[lambda: submit(ada)] * REQUESTS)
    refused = [response for response in responses if response.status_code != 200]
    assert len(refused) == REQUESTS - 3
    for response in refused:
        assert expect_quota(response, "prompts_an_hour", AN_HOUR)["until"]
    for response in responses:
        response.close()


def test_hour_has_room_at_the_moment_that_retry_after_says(ada: httpx.Client, db: Database) -> None:
    insert_prompts_of_this_hour(db, ada.headers["x-user-id"], AN_HOUR)
    refused_at = time.monotonic()
    refused = submit(ada)
    until = expect_quota(refused, "prompts_an_hour", AN_HOUR)["until"]
    seconds = int(refused.headers["retry-after"])
    assert seconds == math.ceil((datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds()) or seconds == 4
    assert submit(ada).status_code == 429
    time.sleep(max(0.0, refused_at + seconds - time.monotonic()))
    allowed = submit(ada)
    assert allowed.status_code == 200, allowed.text
    allowed.close()


def test_waiting_approvals_stop_new_prompts_and_nothing_else(ada: httpx.Client, simulator: SimulatorClient) -> None:
    streams = [start_prompt(ada, simulator, destroy_turn(), text_turn("Well.")) for _ in range(WAITING)]
    for stream in streams:
        stream.read_until_event("prompt.approval")
    refused = submit(ada)
    assert expect_quota(refused, "waiting_approvals", WAITING)["until"] is None
    assert refused.headers["retry-after"] == "60"
    assert open_stream(ada, streams[0].prompt_id).next_event()
    decide_successfully(ada, streams[0].prompt_id)
    assert streams[0].read_to_end()[-1].event == "prompt.completed"
    allowed = submit(ada)
    assert allowed.status_code == 200
    allowed.close()
    streams[1].close()


@pytest.mark.limit("waiting-approvals")
def test_of_prompts_that_ask_at_once_as_many_wait_as_may_and_the_others_go_on(
    ada: httpx.Client, simulator: SimulatorClient
) -> None:
    streams = run_concurrently(*[lambda: start_prompt(ada, simulator, destroy_turn(), text_turn("Well."))] * PER_USER)
    ends = [stream.read_until_event("prompt.approval", "prompt.completed") for stream in streams]
    assert [end.event for end in ends].count("prompt.approval") == WAITING
    for stream, end in zip(streams, ends, strict=True):
        if end.event == "prompt.completed":
            [output] = [message.data for message in stream.messages if message.data.get("type") == "tool"]
            assert output["result"]["error"].startswith("Not run: The quota of waiting approvals is used up: it is 2 ")
        stream.close()


@pytest.mark.limit("tokens-a-day")
def test_prompt_that_uses_the_days_tokens_up_ends_well_and_new_ones_are_refused_until_midnight(
    ada: httpx.Client, simulator: SimulatorClient
) -> None:
    used = {"usage": {"input_tokens": 900, "output_tokens": 200}}
    running = start_prompt(ada, simulator, {**destroy_turn(), **used}, {"text": "Done.", **used})
    running.read_until_event("prompt.approval")
    before = datetime.now(UTC)
    refused = submit(ada)
    midnight = (before + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert expect_quota(refused, "tokens_a_day", TOKENS)["until"] == format_timestamp(midnight)
    assert int(refused.headers["retry-after"]) == pytest.approx((midnight - before).total_seconds(), abs=5)
    decide_successfully(ada, running.prompt_id)
    assert running.read_to_end()[-1].event == "prompt.completed"
    assert ada.get(f"/prompts/{running.prompt_id}").json()["usage"]["totalTokens"] == 2200


@pytest.mark.limit("destroys-at-once")
def test_of_50_destroys_as_many_pass_as_one_caller_may_and_the_others_are_held(
    runner: RunnerProcess, db: Database
) -> None:
    ids = [insert_instance(db) for _ in range(REQUESTS)]
    with services_client(runner.url, DEVELOPMENT_API_KEY) as api:
        responses = run_concurrently(*[lambda id=id: api.delete(f"/destroy/{id}") for id in ids])
        assert [response.status_code for response in responses].count(200) == DESTROYS
        held = [(id, response) for id, response in zip(ids, responses, strict=True) if response.status_code != 200]
        for _, response in held:
            assert (response.status_code, response.json()["code"]) == (409, "DESTROYS_HELD"), response.text
        assert len(db.execute("SELECT FROM instance_infra").fetchall()) == REQUESTS - DESTROYS
        for id, _ in held:
            assert api.delete(f"/destroy/{id}", headers={"Confirm-Destroy": id}).status_code == 200


@pytest.mark.limit("instances")
def test_of_50_creates_as_many_pass_as_the_fleet_has_room_for(runner: RunnerProcess, db: Database) -> None:
    for _ in range(INSTANCES - 3):
        insert_instance(db)
    bodies = [create_request(new_instance_id(), []) for _ in range(REQUESTS)]
    with services_client(runner.url, DEVELOPMENT_API_KEY) as api:
        responses = run_concurrently(*[lambda body=body: create_instance(api, body) for body in bodies])
    assert [response.status_code for response in responses].count(200) == 3
    for response in responses:
        assert response.status_code == 200 or response.json()["code"] == "FLEET_LIMIT", response.text

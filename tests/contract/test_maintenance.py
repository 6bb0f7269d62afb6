"""The maintenance switch: what it stops at once in both APIs, what goes on, and who may not miss it."""

import json
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.errors import DatabaseUnavailable, UnderMaintenance
from pointsman.http import error_format
from pointsman.http.agent_api.errors import ERROR_FORMAT
from pointsman.lifecycle import commands, maintenance
from tests.harness.agent_api import expect_error
from tests.harness.background import run_concurrently, run_in_background
from tests.harness.clients import open_client
from tests.harness.database import Database, connect, wait_for_blocked_sessions
from tests.harness.function_environment import function_environment, use_environment
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, new_instance_id, wait_for_operation
from tests.harness.stack import ANSWER_WITHIN_SECONDS
from tests.harness.wait import wait_until
from tests.prompts.prompt_stream import decide_successfully, destroy_turn, run_prompt, start_prompt, text_turn

MESSAGE = "Railway is down; see the status page"
ON = {"enabled": True, "message": MESSAGE}


@pytest.fixture(autouse=True)
def switched_off(api: httpx.Client) -> Iterator[None]:
    yield
    assert switch(api, {"enabled": False})["enabled"] is False


def switch(api: httpx.Client, body: object) -> dict[str, object]:
    response = api.put("/maintenance", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def expect_maintenance(response: httpx.Response, message: str = MESSAGE) -> None:
    """Assert that a response of the Services API is the refusal, with the operator's message."""
    assert (response.status_code, response.headers["retry-after"]) == (503, "60")
    body = response.json()
    assert set(body) == {"error", "code", "requestId"}
    assert body["code"] == "MAINTENANCE"
    assert body["error"] == f"New prompts and instances are not accepted during maintenance: {message}"


def test_switch_is_idempotent_and_tells_who_and_when(api: httpx.Client, db: Database) -> None:
    db.execute("DELETE FROM maintenance")
    never = {"enabled": False, "message": None, "changedAt": None, "changedBy": None}
    assert api.get("/maintenance").json() == never
    first = switch(api, ON)
    assert {**first, "changedAt": None} == {**ON, "changedAt": None, "changedBy": "services"}
    time.sleep(0.01)
    assert [switch(api, ON), api.get("/maintenance").json()] == [first, first]
    other = switch(api, {"enabled": True, "message": "Another reason"})
    assert (other["message"], str(other["changedAt"]) > str(first["changedAt"])) == ("Another reason", True)
    assert switch(api, {"enabled": True})["message"] is None
    assert switch(api, {"enabled": True, "message": "  "})["message"] is None
    off = switch(api, {"enabled": False, "message": "not kept"})
    assert (off["enabled"], off["message"]) == (False, None)
    assert switch(api, {"enabled": False}) == off


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "enabled is required"),
        ({"enabled": None}, "enabled must be true or false"),
        ({"enabled": "yes"}, "enabled must be true or false"),
        ({"enabled": 1}, "enabled must be true or false"),
        ({"enabled": True, "message": 7}, "message must be a string"),
        ({"enabled": True, "message": "x" * 501}, "message must be at most 500 characters, without line breaks"),
        ({"enabled": True, "message": "a\nb"}, "message must be at most 500 characters, without line breaks"),
        ({"enabled": True, "message": "a\n"}, "message must be at most 500 characters, without line breaks"),
        ({"enabled": True, "message": "\ud800"}, "message must be at most 500 characters, without line breaks"),
        ([], "The request body must be a JSON object with Content-Type: application/json"),
    ],
)
def test_wrong_body_changes_nothing(api: httpx.Client, body: object, error: str) -> None:
    before = api.get("/maintenance").json()
    response = api.put("/maintenance", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert api.get("/maintenance").json() == before


def test_only_who_has_the_key_may_read_or_switch_it(stack: Stack, api: httpx.Client) -> None:
    with open_client(stack.url, {"Authorization": "Bearer wrong"}) as stranger:
        assert stranger.get("/maintenance").status_code == 401
        assert stranger.put("/maintenance", json=ON).status_code == 401
    assert api.get("/maintenance").json()["enabled"] is False
    response = api.delete("/maintenance")
    assert (response.status_code, sorted(response.headers["allow"].split(", "))) == (405, ["GET", "PUT"])


def test_creates_and_provisions_are_refused_and_everything_else_goes_on(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    body = create_request(new_instance_id(), ["openrouter"])
    assert create_instance(api, body).status_code == 200
    switch(api, ON)
    refused = create_request(new_instance_id())
    before = db.execute("SELECT FROM operations").rowcount
    calls = len(simulator.list_calls())
    expect_maintenance(create_instance(api, refused))
    expect_maintenance(api.post(f"/provision/{body['instanceId']}/agentmail", json={}))
    assert db.execute("SELECT FROM operations").rowcount == before
    assert len(simulator.list_calls()) == calls
    # The same create again is answered from what is there.
    assert create_instance(api, body).status_code == 200
    assert api.post("/status/batch", json={}).status_code == 200
    assert api.get("/dashboard/instances").status_code == 200
    assert api.post(f"/configure/{body['instanceId']}", json={"variables": {"A": "b"}}).status_code == 200
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    # Destroyed, so it would be new.
    expect_maintenance(create_instance(api, body))
    switch(api, {"enabled": False})
    assert create_instance(api, body).status_code == 200
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200


def test_create_that_runs_is_joined_and_its_key_answers(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    simulator.inject_fault("railway", "serviceCreate", "slow", seconds=ANSWER_WITHIN_SECONDS / 3)
    body, key = create_request(new_instance_id(), []), {"Idempotency-Key": unique_id("key-")}
    first = run_in_background(lambda: api.post("/create-instance", json=body, headers=key))
    wait_until(lambda: any(call.operation == "serviceCreate" for call in simulator.list_calls()), 20)
    switch(api, ON)
    joined, repeated = run_concurrently(
        lambda: create_instance(api, body), lambda: api.post("/create-instance", json=body, headers=key)
    )
    assert [response.status_code for response in (first.result(), joined, repeated)] == [200, 200, 200]
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200


def test_refused_create_does_not_use_its_key_up(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    body, key = create_request(new_instance_id(), []), {"Idempotency-Key": unique_id("key-")}
    switch(api, ON)
    expect_maintenance(api.post("/create-instance", json=body, headers=key))
    switch(api, {"enabled": False})
    response = api.post("/create-instance", json=body, headers=key)
    assert (response.status_code, "idempotent-replayed" in response.headers) == (200, False)
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200


def test_new_prompts_are_refused_and_those_that_run_or_wait_go_on(
    api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    waiting = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
    waiting.read_until_event("prompt.approval")
    key = {"Idempotency-Key": unique_id("key-")}
    prompt = {"input": unique_id("Question ")}
    simulator.script_model({"text": "Yes."}, match=prompt["input"])
    stored = agent.post("/prompt", json=prompt, headers=key)
    assert stored.status_code == 200
    switch(api, ON)
    prompts, leases = [db.execute(f"SELECT FROM {table}").rowcount for table in ("prompts", "stream_leases")]  # type: ignore[arg-type]
    response = agent.post("/prompt", json={"input": "Hello"})
    error = expect_error(response, 503, "MAINTENANCE")
    assert error["message"] == f"New prompts and instances are not accepted during maintenance: {MESSAGE}"
    assert response.headers["retry-after"] == "60"
    assert db.execute("SELECT FROM prompts").rowcount == prompts
    assert db.execute("SELECT FROM stream_leases").rowcount == leases
    # A repeat, another subscriber, a decision, and the prompt's end.
    repeated = agent.post("/prompt", json=prompt, headers=key)
    assert (repeated.status_code, "prompt.completed" in repeated.text) == (200, True)
    assert agent.get(f"/prompts/{waiting.prompt_id}").json()["status"] == "waiting"
    decide_successfully(agent, waiting.prompt_id)
    assert waiting.read_to_end()[-1].event == "prompt.completed"
    assert agent.post("/tools/instances.registry/invoke", json={}).status_code == 200
    switch(api, {"enabled": False})
    assert run_prompt(agent, simulator, text_turn("Again."))[-1].event == "prompt.completed"


def test_model_is_told_when_its_create_is_refused(
    api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    instance_id = new_instance_id()
    arguments = {"instanceId": instance_id, "name": f"convos-agent-{instance_id}", "tools": []}
    call = {"name": "instances.create", "call_id": "call_1", "arguments": arguments}
    prompt = start_prompt(agent, simulator, {"calls": [call]}, text_turn("Well."))
    prompt.read_until_event("prompt.approval")
    switch(api, ON)
    decide_successfully(agent, prompt.prompt_id)
    outputs = [message.data for message in prompt.read_to_end() if message.event == "prompt.output"]
    assert outputs[0]["result"] == {
        "type": "error", "error": f"New prompts and instances are not accepted during maintenance: {MESSAGE}"
    }  # fmt: skip
    assert db.execute("SELECT FROM operations WHERE instance_id = %s", (instance_id,)).rowcount == 0


def test_nothing_starts_after_the_switch_has_answered(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """Creates come without a pause; the newest operation is older than the answer."""
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    stop: list[bool] = []
    created: list[str] = []

    def create_until_refused() -> httpx.Response:
        while True:
            instance_id = new_instance_id()
            response = create_instance(api, create_request(instance_id, []))
            if response.status_code == 503 or stop:
                return response
            created.append(instance_id)

    loops = [run_in_background(create_until_refused) for _ in range(3)]
    time.sleep(1.0)
    switch(api, ON)
    answered_at = db.execute("SELECT clock_timestamp() AS now").fetchone()
    assert answered_at is not None
    for loop in loops:
        expect_maintenance(loop.result())
    assert created
    later = db.execute("SELECT FROM operations WHERE created_at > %s AND kind = 'create'", (answered_at["now"],))
    assert later.rowcount == 0
    for instance_id in created:
        response = api.delete(f"/destroy/{instance_id}")
        assert response.status_code in (200, 202)
        if response.status_code == 202:
            wait_for_operation(api, response.json()["operationId"])


def test_switch_waits_for_what_has_read_it(stack: Stack, api: httpx.Client, db: Database) -> None:
    with connect(stack.database_url, autocommit=False) as submission:
        submission.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended('maintenance', 0))")
        switching = run_in_background(lambda: switch(api, ON))
        wait_for_blocked_sessions(stack.database_url)
        assert not switching.is_done
        submission.commit()
    assert switching.result()["enabled"] is True


def test_refusals_are_not_logged_as_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators know of the maintenance."""
    logged: list[str] = []
    monkeypatch.setattr(error_format.log, "write", lambda level, *args, **fields: logged.append(fields["code"]))
    event = {"requestContext": {"requestId": "r"}}
    for error in (UnderMaintenance("stopped"), DatabaseUnavailable("away")):
        assert ERROR_FORMAT.respond(event, error).status == 503
    assert logged == ["DATABASE_UNAVAILABLE"]


def test_switch_counts_in_other_processes_at_once(
    stack: Stack, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with use_environment(monkeypatch, function_environment(stack, "CreateInstanceFunction")):
        switch(api, ON)
        assert maintenance.read_state()["enabled"] is True
        with pytest.raises(UnderMaintenance):
            commands.start_create(None, instance_id := new_instance_id(), f"convos-agent-{instance_id}", [])


def test_the_table_has_one_row(db: Database) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute("INSERT INTO maintenance (is_only_row, is_enabled, changed_by) VALUES (false, true, 'x')")

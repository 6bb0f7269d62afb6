"""Secrets in a tool's input: until the call runs they stand in one place of the database, and nowhere afterwards."""

import json
import uuid

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.prompts import queries, termination
from tests.harness import step_functions
from tests.harness.database import Database, dump_tables
from tests.harness.instances import create_instance, create_request, new_instance_id, wait_until_deployed
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.engine_processes import advance_in_process
from tests.prompts.prompt_stream import (
    decide_successfully,
    get_prompt,
    start_prompt,
    text_turn,
    wait_for_status,
)
from tests.prompts.sample_agent import tool_call

MAX_TRANSACTIONS = 20
"""More than a prompt with one call takes."""


def new_secret() -> str:
    return f"Secret-{uuid.uuid4().hex}"


def find_in_tables(db: Database, secret: str) -> list[str]:
    return [table for table, text in dump_tables(db).items() if secret in text]


def submit_secret(engine: EngineHarness, secret: str, **arguments: object) -> str:
    call = tool_call("effects.set", **{"name": "a", "variables": {"TOKEN": secret}, **arguments})
    return engine.submit({"text": "May I?", "calls": [call]}, {"text": "Done."})


def assert_nowhere(engine: EngineHarness, prompt_id: str, secret: str) -> None:
    assert find_in_tables(engine.db, secret) == []
    assert secret not in json.dumps([engine.events(prompt_id), queries.get_prompt(engine.user_id, prompt_id)])
    assert secret not in json.dumps(engine.model_requests())


@pytest.mark.parametrize(
    "end",
    [
        "approved",
        "rejected",
        *(
            pytest.param(end, marks=pytest.mark.slow)
            for end in ("fails", "cancelled", "expired", "not run", "broken off")
        ),
    ],
)
def test_a_secret_is_erased_however_its_call_ends(engine: EngineHarness, end: str) -> None:
    secret = new_secret()
    prompt_id = submit_secret(engine, secret, name="fails" if end == "fails" else "a")
    assert engine.advance(prompt_id)["next"] == "wait"
    assert find_in_tables(engine.db, secret) == ["prompt_calls"]
    row = engine.db.execute("SELECT secret, digest FROM prompt_calls WHERE prompt_id = %s", (prompt_id,)).fetchone()
    assert row is not None
    engine.db.execute("UPDATE prompt_calls SET secret = NULL WHERE prompt_id = %s", (prompt_id,))
    assert find_in_tables(engine.db, secret) == []  # It stood in that column only.
    stored = json.dumps(row["secret"])
    engine.db.execute("UPDATE prompt_calls SET secret = %s WHERE prompt_id = %s", (stored, prompt_id))
    shown = {"name": "a" if end != "fails" else "fails", "variables": {"TOKEN": "***"}}
    approval = queries.get_prompt(engine.user_id, prompt_id)["approval"]
    assert isinstance(approval, dict)
    assert approval["input"] == shown
    assert approval["reason"] == f"Sets {{'TOKEN': '***'}} for {shown['name']}"
    if end == "cancelled":
        termination.cancel(engine.user_id, prompt_id)
    elif end == "broken off":
        assert termination.terminate(prompt_id, 0) == {"closed": True}
    elif end == "rejected":
        engine.decide(prompt_id, approve=False)
        assert find_in_tables(engine.db, secret) == []
    elif end == "expired":
        engine.db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (prompt_id,))
    else:
        engine.decide(prompt_id, expected_input=shown)
        if end == "not run":
            engine.db.execute("UPDATE prompt_calls SET digest = 'of something else' WHERE prompt_id = %s", (prompt_id,))
    engine.advance(prompt_id)
    expected = {
        "approved": ["set {'TOKEN': '***'}"],
        "fails": ["refused: {'TOKEN': '***'}"],
        "rejected": ["A person rejected this call"],
        "expired": ["Not run: nobody approved this call in time"],
        "not run": ["Not run: this is not any more what was approved"],
    }
    results = [result["text"] if isinstance(result, dict) else result for result in engine.tool_results(prompt_id)]
    assert results == expected.get(end, [])
    assert engine.effects() == ({"approved": ["a"], "fails": ["fails"]}.get(end, []))
    assert_nowhere(engine, prompt_id, secret)


def test_a_call_that_needs_no_approval_keeps_nothing_either(engine: EngineHarness) -> None:
    secret = new_secret()
    prompt_id = submit_secret(engine, secret, by=100)
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.tool_results(prompt_id) == [{"text": "set {'TOKEN': '***'}"}]
    assert_nowhere(engine, prompt_id, secret)


@pytest.mark.parametrize(
    "arguments",
    [
        '{"name": "a", "variables": "SECRET"}',
        '{"name": "a", "variables": {"A": {"B": "SECRET"}}}',
        '{"name": "a", "variables": ["SECRET"]}',
        '{"name": "a", "token": "SECRET"}',
        '{"name": "SECRET SECRET SECRET", "variables": {"A": "b"}}',
        '{"name": "a", "variables": {"A": "SECRET"',
        '"SECRET"',
        '["SECRET"]',
    ],
)
def test_no_value_is_kept_of_arguments_that_do_not_fit(engine: EngineHarness, arguments: str) -> None:
    secret = new_secret()
    call = {"name": "effects.set", "call_id": "call_1", "arguments": arguments.replace("SECRET", secret)}
    prompt_id = engine.submit_and_advance({"calls": [call]}, {"text": "Done."})
    assert engine.status(prompt_id) == "completed"
    (error,) = engine.tool_results(prompt_id)
    assert "effects.set" in error
    assert_nowhere(engine, prompt_id, secret)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("by", [1, 100])
def test_a_secret_is_erased_wherever_the_process_is_killed(engine: EngineHarness, when: str, by: int) -> None:
    for kill_at in range(1, MAX_TRANSACTIONS + 1):
        secret, is_killed, steps = new_secret(), False, 0
        prompt_id = submit_secret(engine, secret, by=by)
        while engine.status(prompt_id) in ("running", "waiting"):
            steps += 1
            is_decided = by == 1 and engine.status(prompt_id) == "waiting"
            if is_decided:
                engine.decide(prompt_id)
            if is_decided or not (is_killed or by == 1):
                restarts = engine.prompt_row(prompt_id)["restarts"]
                step = advance_in_process(engine.environment, prompt_id, restarts, kill_at, when)
            else:
                step = engine.advance(prompt_id)["next"]
            is_killed = is_killed or step is None
            assert steps < 10
        assert_nowhere(engine, prompt_id, secret)
        if not is_killed:
            assert kill_at > 4
            return
    raise AssertionError("the prompt takes more transactions")


def test_digest_of_a_secret_input_is_salted(engine: EngineHarness) -> None:
    """Whoever reads the database afterwards cannot try values until one has the digest."""
    digests = set[str]()
    for _ in range(2):
        prompt_id = submit_secret(engine, "1234")
        engine.advance(prompt_id)
        row = engine.db.execute("SELECT digest FROM prompt_calls WHERE prompt_id = %s", (prompt_id,)).fetchone()
        assert row is not None
        digests.add(row["digest"])
        engine.decide(prompt_id)
        engine.advance(prompt_id)
    assert len(digests) == 2
    assert engine.effects() == ["a", "a"]


def test_variables_of_an_instance_are_nowhere_but_at_railway(
    stack: Stack,
    api: httpx.Client,
    agent: httpx.Client,
    simulator: SimulatorClient,
    db: Database,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The whole stack: approved, rejected and cancelled; tables, events, logs, histories of executions."""
    body = create_request(new_instance_id(), [])
    assert create_instance(api, body).status_code == 200
    wait_until_deployed(api, body["instanceId"])
    secrets, shown = list[str](), list[object]()
    for decision in ("approve", "reject", "cancel"):
        secrets.append(new_secret())
        arguments = {"instanceId": body["instanceId"], "variables": {"TOKEN": secrets[-1]}}
        call = {"name": "instances.configure", "call_id": "call_1", "arguments": json.dumps(arguments)}
        stream = start_prompt(agent, simulator, {"calls": [call]}, text_turn("Well."), stream="tokens")
        approval = stream.read_until_event("prompt.approval")
        assert approval.data["input"] == {**arguments, "variables": {"TOKEN": "***"}}
        assert approval.data["reason"] == f"Sets TOKEN of instance {body['instanceId']}"
        shown += [agent.get("/approvals").text, get_prompt(agent, stream.prompt_id)]
        if decision == "cancel":
            assert agent.post(f"/prompts/{stream.prompt_id}/cancel").status_code == 200
        else:
            seen = {"input": approval.data["input"]} if decision == "approve" else {}
            decide_successfully(agent, stream.prompt_id, decision, **seen)
        shown.append([message.data for message in stream.read_to_end()])
        wait_for_status(agent, stream.prompt_id, "completed", "cancelled")
        shown.append(get_prompt(agent, stream.prompt_id))
    assert secrets[0] in json.dumps(simulator.get_state()["railway"])
    client = step_functions.connect(stack)
    machine = stack.status()["stateMachines"]["RunPromptMachine"]
    executions = client.list_executions(stateMachineArn=machine)["executions"]
    histories = [step_functions.execution_history(stack, execution["executionArn"]) for execution in executions]
    assert histories
    outputs = {
        "shown": json.dumps(shown),
        "console": "".join(capfd.readouterr()),
        "histories": json.dumps(histories, default=str),
        "audit": api.get("/audit?limit=200").text,
        **dump_tables(db),
        **{path.name: path.read_text(errors="replace") for path in (stack.settings.data / "logs").iterdir()},
    }
    assert [
        (place, number) for place, text in outputs.items() for number, secret in enumerate(secrets) if secret in text
    ] == []
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200

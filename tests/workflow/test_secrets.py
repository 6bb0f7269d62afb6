"""No secret is in an execution's input, output or history, nor in any log, error or operation."""

import json
import re

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness import step_functions
from tests.harness.database import Database
from tests.harness.instances import create_instance, create_request, new_instance_id, wait_for_operation
from tests.harness.stack import API_KEY, POOL_API_KEY

PLANTED_VALUE = "planted-value-of-a-variable"
"""A value that a client sets with /configure; it may be anything, so it counts as a secret."""


def test_no_secret_is_in_anything_that_the_stack_wrote(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    """For every operation that handles one, each with success, a refusal, and a lost response of the provider."""
    responses = []
    secrets = {PLANTED_VALUE}
    for kind in (None, "refuse", "lost"):
        body = create_request(new_instance_id())
        responses.append(create_instance(api, body))
        secrets |= _collect_secrets(stack, simulator, db)
        responses.append(_provision_again(api, body, responses[-1].json()["services"]["openrouter"]["resourceId"]))
        secrets |= _collect_secrets(stack, simulator, db)
        if kind:
            for operation in ("environmentPatchCommit", "variableCollectionUpsert"):
                simulator.inject_fault("railway", operation, kind, times=None)
            failed = create_instance(api, create_request(new_instance_id()))
            if failed.status_code != 200:
                wait_for_operation(api, failed.json()["operationId"])
            responses.append(failed)
            secrets |= _collect_secrets(stack, simulator, db)
        responses.append(api.post(f"/configure/{body['instanceId']}", json={"variables": {"TOKEN": PLANTED_VALUE}}))
        responses.append(api.post(f"/configure/{body['instanceId']}", json={"variables": {"TOKEN": [PLANTED_VALUE]}}))
        simulator.clear_faults()
        responses += [api.get("/dashboard/instances"), api.get("/dashboard/credits")]
        assert stack.fire_schedule("StatusPollerFunction").error is None
        responses.append(api.delete(f"/destroy/{body['instanceId']}"))
    assert len(secrets) >= 15

    outputs = {
        "console": "".join(capfd.readouterr()),
        "histories": _execution_histories(stack),
        "answers": "\n".join(f"{dict(response.headers)} {response.text}" for response in responses),
        "operations": "\n".join(_operation_pages(api, db)),
        "operations' rows": json.dumps(db.execute("SELECT * FROM operations").fetchall(), default=str),
        "steps": json.dumps(db.execute("SELECT * FROM operation_steps").fetchall(), default=str),
        **{path.name: path.read_text(errors="replace") for path in (stack.settings.data / "logs").iterdir()},
    }
    assert "StatusPollerFunction.log" in outputs
    assert "_aws" in outputs["StatusPollerFunction.log"]
    assert len(outputs) > 16
    found = [(place, secret[:12]) for place, text in outputs.items() for secret in secrets if secret in text]
    assert found == []


def _provision_again(api: httpx.Client, body: dict, key: str) -> httpx.Response:
    assert api.delete(f"/destroy/{body['instanceId']}/openrouter/{key}").json()["deleted"] is True
    return api.post(f"/provision/{body['instanceId']}/openrouter")


def test_journal_deletes_the_secret_after_the_deploy(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """Between the creation of a key and the deploy only the journal knows it."""
    body = create_request(new_instance_id(), ["openrouter"])
    assert create_instance(api, body).status_code == 200
    query = "SELECT count(*) AS n FROM operation_resources WHERE instance_id = %s AND env::text LIKE '%%sk-or%%'"
    assert db.execute(query, (body["instanceId"],)).fetchone() == {"n": 0}


def _collect_secrets(stack: Stack, simulator: SimulatorClient, db: Database) -> set[str]:
    """Collect every secret: our own keys, the database's password, the runtimes' variables, created keys."""
    secrets = {API_KEY, POOL_API_KEY, str(re.search(r"://[^:]+:([^@]+)@", stack.database_url)[1])}
    secrets |= {f"sim-{provider}-key" for provider in ("railway", "openrouter", "agentmail", "telnyx")}
    for deployment in simulator.get_state()["railway"]["deployments"].values():
        for name, value in deployment["variables"].items():
            if re.search("TOKEN|PASSWORD|_KEY", name):
                secrets.add(value)
    rows = db.execute("SELECT env_value FROM instance_services WHERE env_key = 'OPENROUTER_API_KEY'").fetchall()
    return secrets | {row["env_value"] for row in rows}


def _execution_histories(stack: Stack) -> str:
    client = step_functions.connect(stack)
    texts = []
    for machine in client.list_state_machines()["stateMachines"]:
        for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            arn = execution["executionArn"]
            texts.append(json.dumps(client.describe_execution(executionArn=arn), default=str))
            history = step_functions.execution_history(stack, arn)
            assert history
            texts.append(json.dumps(history, default=str))
    return "\n".join(texts)


def _operation_pages(api: httpx.Client, db: Database) -> list[str]:
    rows = db.execute("SELECT id FROM operations ORDER BY created_at DESC LIMIT 10").fetchall()
    return [api.get(f"/operations/{row['id']}").text for row in rows]

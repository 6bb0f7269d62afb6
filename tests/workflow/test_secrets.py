"""No secret in an execution's input, output or history, nor in any log, error or operation."""

import json
import re

import boto3
import httpx
import psycopg
import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.conftest import API_KEY
from tests.workflow.helpers import Database

from .helpers import create, ended, fresh_id, request_for

PLANTED = "planted-value-of-a-variable"
"""What a client sets with /configure; it may be anything, so it is a secret too."""


def test_no_secret_is_in_anything_that_the_stack_wrote(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    """For everything that handles one, each time when it succeeds, when a provider refuses, and when it is silent."""
    answers = []
    secrets = {PLANTED}
    for kind in (None, "refuse", "lost"):
        body = request_for(fresh_id())
        answers.append(create(api, body))
        secrets |= _secrets(stack, simulator, db)
        answers.append(_provisioned_again(api, body, answers[-1].json()["services"]["openrouter"]["resourceId"]))
        secrets |= _secrets(stack, simulator, db)
        if kind:
            for operation in ("environmentPatchCommit", "variableCollectionUpsert"):
                simulator.fault("railway", operation, kind, times=None)
            failed = create(api, request_for(fresh_id()))
            if failed.status_code != 200:
                ended(api, failed)
            answers.append(failed)
            secrets |= _secrets(stack, simulator, db)
        answers.append(api.post(f"/configure/{body['instanceId']}", json={"variables": {"TOKEN": PLANTED}}))
        answers.append(api.post(f"/configure/{body['instanceId']}", json={"variables": {"TOKEN": [PLANTED]}}))
        simulator.clear_faults()
        answers += [api.get("/dashboard/instances"), api.get("/dashboard/credits")]
        assert stack.fire_schedule("StatusPollerFunction").error is None
        answers.append(api.delete(f"/destroy/{body['instanceId']}"))
    assert len(secrets) >= 15

    written = {
        "console": "".join(capfd.readouterr()),
        "histories": _histories(stack),
        "answers": "\n".join(f"{dict(answer.headers)} {answer.text}" for answer in answers),
        "operations": "\n".join(_pages(api, db)),
        "operations' rows": json.dumps(db.execute("SELECT * FROM operations").fetchall(), default=str),
        "steps": json.dumps(db.execute("SELECT * FROM operation_steps").fetchall(), default=str),
        **{path.name: path.read_text(errors="replace") for path in (stack.settings.data / "logs").iterdir()},
    }
    assert "StatusPollerFunction.log" in written
    assert "_aws" in written["StatusPollerFunction.log"]
    assert len(written) > 16
    found = [(place, secret[:12]) for place, text in written.items() for secret in secrets if secret in text]
    assert found == []


def _provisioned_again(api: httpx.Client, body: dict, key: str) -> httpx.Response:
    assert api.delete(f"/destroy/{body['instanceId']}/openrouter/{key}").json()["deleted"] is True
    return api.post(f"/provision/{body['instanceId']}/openrouter")


def test_journal_forgets_the_secret_that_it_carried(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    """Between the making of a key and the deploy it is the only place that knows it."""
    body = request_for(fresh_id(), ["openrouter"])
    assert create(api, body).status_code == 200
    query = "SELECT count(*) AS n FROM operation_resources WHERE instance_id = %s AND env::text LIKE '%%sk-or%%'"
    assert db.execute(query, (body["instanceId"],)).fetchone() == {"n": 0}


def _secrets(stack: Stack, simulator: SimulatorClient, db: psycopg.Connection) -> set[str]:
    """Everything that must not show: our own keys, the database's password, what a runtime was given, keys that were
    made."""
    secrets = {API_KEY, "pool-key-of-the-tests", str(re.search(r"://[^:]+:([^@]+)@", stack.database_url)[1])}
    secrets |= {f"sim-{provider}-key" for provider in ("railway", "openrouter", "agentmail", "telnyx")}
    for deployment in simulator.state()["railway"]["deployments"].values():
        for name, value in deployment["variables"].items():
            if re.search("TOKEN|PASSWORD|_KEY", name):
                secrets.add(value)
    rows = db.execute("SELECT env_value FROM instance_services WHERE env_key = 'OPENROUTER_API_KEY'").fetchall()
    return secrets | {row["env_value"] for row in rows}


def _histories(stack: Stack) -> str:
    client = boto3.client(
        "stepfunctions", endpoint_url=stack.aws_url, region_name="us-east-1",
        aws_access_key_id="tests", aws_secret_access_key="tests",
    )  # fmt: skip
    texts = []
    for machine in client.list_state_machines()["stateMachines"]:
        for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            arn = execution["executionArn"]
            texts.append(json.dumps(client.describe_execution(executionArn=arn), default=str))
            history = client.get_execution_history(executionArn=arn)["events"]
            assert history
            texts.append(json.dumps(history, default=str))
    return "\n".join(texts)


def _pages(api: httpx.Client, db: psycopg.Connection) -> list[str]:
    rows = db.execute("SELECT id FROM operations ORDER BY created_at DESC LIMIT 10").fetchall()
    return [api.get(f"/operations/{row['id']}").text for row in rows]

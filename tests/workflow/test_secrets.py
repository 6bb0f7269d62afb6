"""No secret in an execution's input, output or history, nor in any log, error or operation."""

import json
import re

import boto3
import httpx
import psycopg

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.conftest import API_KEY

from .helpers import create, ended, fresh_id, request_for


def test_no_secret_is_in_any_history_log_or_answer(stack: Stack, api, simulator: SimulatorClient, db) -> None:
    """For a create that succeeds, one that a provider fails, one whose provider is silent, and a destroy."""
    answers = []
    body = request_for(fresh_id())
    answers.append(create(api, body))
    secrets = _secrets(stack, simulator, db)
    answers.append(api.delete(f"/destroy/{body['instanceId']}"))
    for kind, operation in (("refuse", "environmentPatchCommit"), ("lost", "environmentPatchCommit")):
        simulator.fault("railway", operation, kind, times=None)
        failed = create(api, request_for(fresh_id()))
        if failed.status_code != 200:
            ended(api, failed)
        answers.append(failed)
        secrets |= _secrets(stack, simulator, db)
        simulator.clear_faults()
    assert len(secrets) >= 12

    written = {
        "histories": _histories(stack),
        "answers": "\n".join(f"{dict(answer.headers)} {answer.text}" for answer in answers),
        "operations": "\n".join(_pages(api, db)),
        "steps": json.dumps(db.execute("SELECT * FROM operation_steps").fetchall(), default=str),
        **{
            path.name: path.read_text(errors="replace") for path in (stack.settings.data / "logs").glob("*Function.log")
        },
    }
    assert len(written) > 12
    found = [(place, secret[:12]) for place, text in written.items() for secret in secrets if secret in text]
    assert found == []


def test_journal_forgets_the_secret_that_it_carried(api, simulator, db) -> None:
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

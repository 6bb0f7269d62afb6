"""An endpoint answers in its API's shape before its own timeout, however long a provider takes and may take."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.identity.models import SECRETS_UNAVAILABLE
from tests.harness.background import run_in_background
from tests.harness.checkout import link_checkout
from tests.harness.clients import services_client
from tests.harness.database import Database
from tests.harness.function_environment import function_environment
from tests.harness.hostile_server import drip_body, drip_head, endless_body, serve_hostile
from tests.harness.instances import create_request, new_instance_id
from tests.harness.paths import EVENTS
from tests.harness.python_process import run_python
from tests.harness.runner_process import RunnerProcess
from tests.harness.stack import API_KEY

FUNCTION_SECONDS = 7.0
"""The timeout of a function under test; 3 s of it are for calls of providers."""

HANDLE = """
import json, sys
from importlib import import_module
from tests.harness.lambda_context import LambdaContext

module, seconds, event = json.load(sys.stdin)
handler = import_module(module).handler
context = LambdaContext(seconds)
response = handler(event, context)
print()
print(json.dumps([response, context.get_remaining_time_in_millis()]))
"""


def hang(connection: socket.socket) -> None:
    """Answer nothing until the client leaves."""
    connection.recv(1)


def call_handler(
    stack: Stack, function: str, module: str, instance_id: str, **changes: str
) -> tuple[dict[str, Any], int]:
    """Call a handler in a process of its own; returns its response, and the milliseconds that were left."""
    environment = function_environment(stack, function, **changes)
    event = (EVENTS / f"{module.replace('.', '/')}.json").read_text().replace("sample-1", instance_id)
    output = run_python(HANDLE, json.dumps([module, FUNCTION_SECONDS, json.loads(event)]), **environment)
    response, left = json.loads(output.splitlines()[-1])
    return response, left


def call_endpoint(
    stack: Stack, function: str, module: str, provider_url: str, instance_id: str = "sample-1", **changes: str
) -> tuple[int, dict[str, Any], int]:
    """Do so with an endpoint whose providers are at this address; returns status, body, and what was left."""
    addresses = dict.fromkeys(("RAILWAY_API_URL", "OPENROUTER_API_URL"), provider_url)
    timeouts = {"RAILWAY_TIMEOUT_SECONDS": "600", "PROVIDER_TIMEOUT_SECONDS": "600"}
    response, left = call_handler(stack, function, module, instance_id, **addresses, **timeouts, **changes)
    return response["statusCode"], json.loads(response["body"]), left


@pytest.mark.limit("provider-work-of-an-invocation")
@pytest.mark.parametrize(
    "answer",
    [
        drip_body,
        endless_body,
        pytest.param(hang, marks=pytest.mark.slow),
        pytest.param(drip_head, marks=pytest.mark.slow),
    ],
)
def test_an_endpoint_whose_provider_does_not_end_is_502(stack: Stack, answer: Any) -> None:
    with serve_hostile(answer) as url:
        status, body, left = call_endpoint(stack, "StatusBatchFunction", "services.status_batch", url)
    assert status == 502, body
    assert body["code"] == ("PROVIDER_UNAVAILABLE" if answer is endless_body else "PROVIDER_TIMEOUT")
    assert body["error"].startswith(("railway environment: ", "railway serviceInstances: "))
    assert left > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "module", "problem"),
    [
        # 500 is the contract's for a redeploy that failed.
        ("RedeployFunction", "services.redeploy_instance", (500, "OPERATION_FAILED", "railway serviceInstance")),
        (
            "ConfigureFunction",
            "services.configure_instance",
            (502, "PROVIDER_TIMEOUT", "railway variable"),
        ),
        ("DashboardCreditsFunction", "services.dashboard_credits", (502, "PROVIDER_TIMEOUT", "openrouter ")),
    ],
)
def test_every_endpoint_names_the_provider_that_does_not_end(
    stack: Stack, instance: dict[str, Any], function: str, module: str, problem: tuple[int, str, str]
) -> None:
    with serve_hostile(drip_body) as url:
        status, body, left = call_endpoint(stack, function, module, url, instance["instanceId"])
    assert (status, body["code"]) == problem[:2], body
    assert body["error"].startswith(problem[2])
    assert left > 0


@pytest.mark.slow
@pytest.mark.limit("aws-call-time")
def test_an_endpoint_whose_step_functions_does_not_end_is_503(stack: Stack, db: Database) -> None:
    instance_id = new_instance_id()
    with serve_hostile(drip_body) as url:
        status, body, left = call_endpoint(
            stack, "CreateInstanceFunction", "services.create_instance", url, instance_id,
            AWS_ENDPOINT_URL=url, SECRET_PREFIX="", TOOLS="none", SERVICE_DATABASE_URL=stack.database_url,
        )  # fmt: skip
    # Nothing will ever run it.
    db.execute("UPDATE operations SET status = 'failed' WHERE instance_id = %s", (instance_id,))
    assert (status, body["code"]) == (503, "START_FAILED"), body
    assert left > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "module"),
    [("AuthorizerFunction", "authorizers.services_key"), ("AgentAuthorizerFunction", "authorizers.agent_user")],
)
def test_an_authorizer_whose_secrets_manager_does_not_end_says_so(stack: Stack, function: str, module: str) -> None:
    keys = dict.fromkeys(("SERVICES_API_KEY", "AGENT_API_KEY", "ORIGIN_SECRET"), "")
    with serve_hostile(drip_head) as url:
        response, left = call_handler(
            stack, function, module, "sample-1", SECRET_PREFIX="x", AGENT_AUTH="api_key", AWS_ENDPOINT_URL=url, **keys
        )
    assert response["context"]["problem"] == SECRETS_UNAVAILABLE
    assert left > 0


@pytest.mark.slow
@pytest.mark.parametrize("timeout", [None, "600"])
def test_with_the_real_timeouts_no_endpoint_is_ended_by_its_own(tmp_path: Path, timeout: str | None) -> None:
    """The endpoints' 29 s, and the provider's default timeout or a longer one."""
    changes = {
        "RAILWAY_TIMEOUT_SECONDS": timeout,
        "PROVIDER_TIMEOUT_SECONDS": timeout,
        "ANSWER_WITHIN_SECONDS": timeout,
    }
    with (
        RunnerProcess.with_simulated_providers(link_checkout(tmp_path), SERVICES_API_KEY=API_KEY, **changes) as runner,
        SimulatorClient(runner.get_banner_value("simulator")) as simulator,
        services_client(runner.url) as api,
    ):
        instance_id = new_instance_id()
        assert api.post("/create-instance", json=create_request(instance_id, [])).status_code == 200
        simulator.inject_fault("*", "*", "drip_body", times=None, seconds=0.5)
        requests: list[tuple[str, str, Any, tuple[int, str | None]]] = [
            ("POST", "/status/batch", {}, (502, "PROVIDER_TIMEOUT")),
            ("POST", f"/redeploy/{instance_id}", {}, (500, "OPERATION_FAILED")),
            ("POST", f"/configure/{instance_id}", {"variables": {"A": "b"}}, (502, "PROVIDER_TIMEOUT")),
            ("GET", "/dashboard/credits", None, (502, "PROVIDER_TIMEOUT")),
            ("POST", "/create-instance", create_request(new_instance_id(), []), (202, None)),
        ]
        calls = [
            run_in_background(lambda request=request: api.request(*request[:2], json=request[2], timeout=60))
            for request in requests
        ]
        for call, (_, _, _, expected) in zip(calls, requests, strict=True):
            response = call.result(90)
            assert (response.status_code, response.json().get("code")) == expected, response.text
        simulator.reset()

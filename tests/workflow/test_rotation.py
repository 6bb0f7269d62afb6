"""A rotated secret is used at the next call, without a restart; a broken one is named, and nothing else fails."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.errors import MissingSetting
from pointsman.identity.caller import identify_caller
from pointsman.identity.models import Caller
from pointsman.settings import secrets
from pointsman.settings.secrets import MIN_REFRESH_INTERVAL
from tests.harness.clients import services_client
from tests.harness.database import Database
from tests.harness.function_environment import function_environment, use_environment
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.secrets import (
    answer_get_secret_value,
    get_secret,
    keep_secret,
    put_secret,
    put_secret_text,
    secret_name,
)
from tests.harness.stack import API_KEY
from tests.harness.wait import wait_until
from tests.harness.worker_processes import kill_workers

VARIABLES = {
    "railway": "RAILWAY_API_TOKEN",
    "openrouter": "OPENROUTER_MANAGEMENT_KEY",
    "agentmail": "AGENTMAIL_API_KEY",
    "telnyx": "TELNYX_API_KEY",
    "model": "MODEL_API_KEY",
}


def get_status(api: httpx.Client) -> int:
    return api.post("/status/batch", json={}).status_code


def get_credits(api: httpx.Client) -> int:
    return api.get("/dashboard/credits").status_code


def create_with_tool(tool: str) -> Callable[[httpx.Client], int]:
    def create(api: httpx.Client) -> int:
        response = create_instance(api, create_request(new_instance_id(), [tool]))
        assert list(response.json()["services"]) == [tool], response.text
        return response.status_code

    return create


def ask_model(api: httpx.Client) -> int:
    prompt = api.post("/api/prompt", headers={"X-User-Id": unique_id("user-")}, json={"input": "Hello"}, timeout=60)
    assert "event: prompt.completed" in prompt.text, prompt.text
    return prompt.status_code


CALLS = [
    pytest.param("railway", "StatusBatchFunction", get_status, id="railway"),
    pytest.param("openrouter", "DashboardCreditsFunction", get_credits, id="openrouter"),
    pytest.param("agentmail", "ProvisionToolFunction", create_with_tool("agentmail"), id="agentmail"),
    pytest.param("telnyx", "ProvisionToolFunction", create_with_tool("telnyx"), id="telnyx"),
    pytest.param("model", "AdvancePromptFunction", ask_model, id="model"),
]


def worker_pids(stack: Stack, function: str) -> set[int]:
    return {worker["pid"] for worker in stack.status()["functions"][function]["workers"]}


def start_anew(stack: Stack, function: str) -> None:
    """End the function's processes, so that the next call reads its secrets."""
    pids = worker_pids(stack, function)
    kill_workers(stack.template.functions[function].handler)
    wait_until(lambda: not pids & worker_pids(stack, function))


def read_log(stack: Stack, function: str) -> str:
    """Return what a function has logged; nothing before its first process."""
    path = stack.settings.data / "logs" / f"{function}.log"
    return path.read_text(errors="replace") if path.exists() else ""


def read_logs(stack: Stack) -> str:
    return "".join(path.read_text(errors="replace") for path in (stack.settings.data / "logs").iterdir())


@pytest.mark.parametrize(("provider", "function", "call"), CALLS)
def test_a_rotated_key_of_a_provider_is_used_at_the_next_call(
    stack: Stack,
    api: httpx.Client,
    simulator: SimulatorClient,
    provider: str,
    function: str,
    call: Callable[[httpx.Client], int],
) -> None:
    assert call(api) == 200
    pids = worker_pids(stack, function)
    with keep_secret(stack.aws_url, provider) as before:
        (name, old_key), new_key = next(iter(before.items())), f"rotated-{unique_id(provider)}"
        assert name == VARIABLES[provider]
        simulator.update_config({provider: {"refused_tokens": [old_key]}})
        put_secret(stack.aws_url, provider, **{name: new_key})
        assert call(api) == 200
        assert pids & worker_pids(stack, function)
        assert new_key not in read_logs(stack)


@pytest.mark.parametrize("provider", ["railway", "openrouter"])
def test_a_key_that_is_refused_and_has_not_changed_is_an_error(
    stack: Stack, api: httpx.Client, simulator: SimulatorClient, provider: str
) -> None:
    """So the simulator does refuse, and the calls before succeed because of the new key."""
    start_anew(stack, "StatusBatchFunction" if provider == "railway" else "DashboardCreditsFunction")
    key = get_secret(stack.aws_url, provider)[VARIABLES[provider]]
    simulator.update_config({provider: {"refused_tokens": [key]}})
    response = api.post("/status/batch", json={}) if provider == "railway" else api.get("/dashboard/credits")
    assert (response.status_code, response.json()["code"]) == (502, "PROVIDER_REJECTED")


@contextmanager
def rotated_services_key(stack: Stack, new_key: str) -> Iterator[None]:
    with keep_secret(stack.aws_url, "services-api"):
        put_secret(stack.aws_url, "services-api", SERVICES_API_KEY=new_key)
        yield
    with services_client(stack.url, API_KEY) as client:
        wait_until(lambda: client.get("/registry").status_code == 200)


def test_a_rotated_services_key_is_accepted_at_the_next_call_and_the_old_one_no_more(
    stack: Stack, api: httpx.Client
) -> None:
    assert api.get("/registry").status_code == 200
    new_key = f"rotated-{unique_id('services')}"
    with rotated_services_key(stack, new_key), services_client(stack.url, new_key) as client:
        assert client.get("/registry").status_code == 200
        assert api.get("/registry").status_code == 401
        assert client.get("/registry").status_code == 200
    assert new_key not in read_logs(stack)


def test_a_rotated_key_of_the_agent_api_is_accepted_at_the_next_call_and_the_old_one_no_more(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = function_environment(stack, "AgentAuthorizerFunction", AGENT_AUTH="api_key", ORIGIN_SECRET_KEY="")

    def identify(key: str) -> Caller:
        return identify_caller({"headers": {"authorization": f"Bearer {key}", "x-user-id": "ada"}})

    with use_environment(monkeypatch, environment), keep_secret(stack.aws_url, "agent-api"):
        with pytest.raises(MissingSetting, match="pointsman-local/agent-api holds no value for it"):
            identify("first")
        secrets.clear_cache()
        put_secret(stack.aws_url, "agent-api", AGENT_API_KEY="first")
        assert identify("first") == Caller("ada")
        put_secret(stack.aws_url, "agent-api", AGENT_API_KEY="second")
        assert identify("second") == Caller("ada")
        assert identify("first").user == ""


def test_wrong_keys_do_not_hammer_secrets_manager(stack: Stack, api: httpx.Client) -> None:
    start_anew(stack, "AuthorizerFunction")
    reads: list[str] = []
    with (
        answer_get_secret_value(stack, "services-api", 200, "", reads),
        services_client(stack.url, "wrong") as intruder,
    ):
        assert {intruder.get("/registry").status_code for _ in range(30)} == {401}
        workers = len(worker_pids(stack, "AuthorizerFunction"))
    assert 1 <= reads.count(secret_name("services-api")) <= 15 * workers
    wait_until(lambda: api.get("/registry").status_code == 200, MIN_REFRESH_INTERVAL * 2)


def test_a_rotated_password_of_the_database_is_used_at_the_next_call(
    stack: Stack, api: httpx.Client, db: Database
) -> None:
    assert api.get("/operations/op-none").status_code == 404
    pids = worker_pids(stack, "GetOperationFunction")
    user, password = urlsplit(stack.database_url).username, urlsplit(stack.database_url).password
    assert user
    assert password

    def rotate(new_password: str) -> None:
        db.execute(
            psycopg.sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                psycopg.sql.Identifier(user), psycopg.sql.Literal(new_password)
            )
        )
        url = stack.database_url.replace(f":{password}@", f":{new_password}@")
        put_secret(stack.aws_url, "database", SERVICE_DATABASE_URL=url)
        # Sessions outlive their password; a new one needs the new one.
        db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pointsman'")

    try:
        rotate("rotated-password")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(stack.database_url)
        assert api.get("/operations/op-none").status_code == 404
    finally:
        rotate(password)
    # Within the interval in which a refusal causes no second read.
    wait_until(lambda: api.get("/operations/op-none").status_code == 404, MIN_REFRESH_INTERVAL * 2)
    assert worker_pids(stack, "GetOperationFunction") == pids
    assert "rotated-password" not in read_logs(stack)


BROKEN = [
    pytest.param(400, "ResourceNotFoundException", "MISCONFIGURED", "does not exist: create it", id="missing"),
    pytest.param(400, "AccessDeniedException", "MISCONFIGURED", "allow secretsmanager:GetSecretValue", id="denied"),
    pytest.param(503, "ServiceUnavailable", "SECRETS_UNAVAILABLE", "Secrets Manager does not give", id="unavailable"),
]
each_fault = pytest.mark.parametrize(("status", "code", "answered", "logged"), BROKEN)


@each_fault
def test_a_secret_that_cannot_be_read_is_named_in_the_log_and_health_is_unaffected(
    stack: Stack, api: httpx.Client, status: int, code: str, answered: str, logged: str
) -> None:
    start_anew(stack, "DashboardCreditsFunction")
    with answer_get_secret_value(stack, "openrouter", status, code):
        response = api.get("/dashboard/credits")
        assert (response.status_code, response.json()["code"]) == (503, answered)
        assert (secret_name("openrouter") in response.text) == (answered == "SECRETS_UNAVAILABLE")
        assert api.get("/healthz").status_code == 200
    assert get_credits(api) == 200
    log = read_log(stack, "DashboardCreditsFunction")
    assert logged in log
    assert secret_name("openrouter") in log


def test_a_malformed_secret_is_named_without_its_value(stack: Stack, api: httpx.Client) -> None:
    start_anew(stack, "DashboardCreditsFunction")
    with keep_secret(stack.aws_url, "openrouter"):
        put_secret_text(stack.aws_url, "openrouter", "planted-malformed-value")
        response = api.get("/dashboard/credits")
        assert (response.status_code, response.json()["code"]) == (503, "MISCONFIGURED")
        assert "openrouter" not in response.text
        log = read_log(stack, "DashboardCreditsFunction")
        assert "pointsman-local/openrouter is not a JSON object of texts" in log
        assert "planted-malformed-value" not in response.text + read_logs(stack)
    assert get_credits(api) == 200


@each_fault
def test_an_authorizer_without_its_secret_refuses_everything_but_health(
    stack: Stack, api: httpx.Client, status: int, code: str, answered: str, logged: str
) -> None:
    start_anew(stack, "AuthorizerFunction")
    counted = read_log(stack, "AuthorizerFunction").count('"Misconfigurations": 1')
    with answer_get_secret_value(stack, "services-api", status, code):
        response = api.get("/registry")
        assert (response.status_code, response.json()["code"]) == (503, answered)
        assert "services-api" not in response.text
        assert api.get("/healthz").status_code == 200
    assert api.get("/registry").status_code == 200
    log = read_log(stack, "AuthorizerFunction")
    assert logged in log
    assert secret_name("services-api") in log
    assert log.count('"Misconfigurations": 1') - counted == (answered == "MISCONFIGURED")


def test_no_function_has_a_secret_in_its_environment(stack: Stack) -> None:
    values = {value for group in VARIABLES for value in get_secret(stack.aws_url, group).values()}
    values |= {API_KEY, stack.database_url}
    environments = json.dumps([dict(function.environment) for function in stack.template.functions.values()])
    assert [value for value in values if value in environments] == []

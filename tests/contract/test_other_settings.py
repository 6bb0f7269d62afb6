"""The contract with other settings: an unconfigured tool, an environment by name, missing settings."""

import json
from collections.abc import Iterator

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.checkout import link_checkout
from tests.harness.clients import services_client
from tests.harness.instances import TOOLS, create_request, new_instance_id
from tests.harness.paths import EVENTS
from tests.harness.python_process import handle_sample_event, handle_sample_event_and_read_log, run_python
from tests.harness.runner_process import RunnerProcess
from tests.harness.stack import API_KEY

pytestmark = pytest.mark.slow

PASSED_THROUGH = {
    "OPENCLAW_PRIMARY_MODEL": "a/model",
    "XMTP_ENV": "production",
    "POOL_API_KEY": "pool-key",
    "BANKR_API_KEY": "bankr-key",
    "TELNYX_PHONE_NUMBER": "+15550001111",
}


@pytest.fixture(scope="module")
def other_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """A stack without an OpenRouter key, with the environment given by name, and every variable for the runtime set."""
    with RunnerProcess.with_simulated_providers(
        link_checkout(tmp_path_factory.mktemp("other")), SERVICES_API_KEY=API_KEY,
        SETTLE_SECONDS="1", OPENROUTER_MANAGEMENT_KEY="", RAILWAY_ENVIRONMENT_NAME="Production",
        RAILWAY_RUNTIME_IMAGE="registry.example/runtime:1",
        **PASSED_THROUGH,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def other_simulator(other_runner: RunnerProcess) -> Iterator[SimulatorClient]:
    with SimulatorClient(other_runner.get_banner_value("simulator")) as client:
        client.reset()
        yield client


@pytest.fixture
def client(other_runner: RunnerProcess) -> Iterator[httpx.Client]:
    with services_client(other_runner.url) as client:
        yield client


def test_tool_without_credentials_is_skipped_and_its_siblings_variables_override(
    client: httpx.Client, other_simulator: SimulatorClient
) -> None:
    body = create_request(new_instance_id(), TOOLS)
    response = client.post("/create-instance", json=body)
    assert response.status_code == 200, response.text
    created = response.json()
    assert list(created["services"]) == ["agentmail", "telnyx"]
    (deployment,) = other_simulator.get_state()["railway"]["deployments"].values()
    variables = deployment["variables"]
    for name in ("OPENCLAW_PRIMARY_MODEL", "XMTP_ENV", "POOL_API_KEY", "BANKR_API_KEY"):
        assert variables[name] == PASSED_THROUGH[name]
    number = created["services"]["telnyx"]["resourceId"]
    assert variables["TELNYX_PHONE_NUMBER"] == number != PASSED_THROUGH["TELNYX_PHONE_NUMBER"]
    assert "OPENROUTER_API_KEY" not in variables
    assert deployment["image"] == "registry.example/runtime:1"
    destroyed = client.delete(f"/destroy/{body['instanceId']}").json()
    assert destroyed["destroyed"] == {
        "openrouter": False, "agentmail": True, "telnyx": True, "volumes": True, "service": True,
    }  # fmt: skip
    assert other_simulator.list_leftovers() == []


def test_provision_of_a_tool_without_credentials_is_400_and_names_the_setting(
    client: httpx.Client, other_simulator: SimulatorClient
) -> None:
    body = create_request(new_instance_id(), [])
    assert client.post("/create-instance", json=body).status_code == 200
    calls = len(other_simulator.list_calls())
    response = client.post(f"/provision/{body['instanceId']}/openrouter")
    assert (response.status_code, "OPENROUTER_MANAGEMENT_KEY" in response.json()["error"]) == (400, True)
    assert len(other_simulator.list_calls()) == calls


def test_tool_destroy_without_credentials_names_the_setting(
    client: httpx.Client, other_simulator: SimulatorClient
) -> None:
    response = client.delete("/destroy/somebody/openrouter/abc")
    assert (response.status_code, "OPENROUTER_MANAGEMENT_KEY" in response.json()["error"]) == (500, True)


def test_registry_shows_tools_without_credentials_too(client: httpx.Client) -> None:
    assert [tool["id"] for tool in client.get("/registry").json()["tools"]] == TOOLS


def test_environment_is_found_by_its_name(client: httpx.Client, other_simulator: SimulatorClient) -> None:
    other_simulator.seed_services(2)
    services = client.post("/status/batch", json={}).json()["services"]
    assert [service["environmentIds"] for service in services] == [["sim-environment"]] * 2


@pytest.mark.parametrize(("module", "environment", "missing"), [
    ("services.create_instance", {"RAILWAY_ENVIRONMENT_ID": "e"}, "RAILWAY_PROJECT_ID"),
    ("services.create_instance", {"RAILWAY_PROJECT_ID": "p"}, "RAILWAY_ENVIRONMENT_ID"),
    ("services.create_instance", {"RAILWAY_PROJECT_ID": "p", "RAILWAY_ENVIRONMENT_ID": "e"}, "SERVICE_DATABASE_URL"),
    ("services.destroy_instance", {}, "SERVICE_DATABASE_URL"),
    ("services.get_operation", {}, "SERVICE_DATABASE_URL"),
    ("services.redeploy_instance", {}, "SERVICE_DATABASE_URL"),
    ("services.configure_instance", {}, "SERVICE_DATABASE_URL"),
    ("services.dashboard_instances", {}, "SERVICE_DATABASE_URL"),
    ("services.list_audit_log", {}, "SERVICE_DATABASE_URL"),
    ("services.dashboard_credits", {}, "OPENROUTER_MANAGEMENT_KEY"),
    ("services.status_batch", {"RAILWAY_PROJECT_ID": "p", "RAILWAY_ENVIRONMENT_ID": "e"}, "RAILWAY_API_TOKEN"),
])  # fmt: skip
def test_missing_setting_is_named_before_anything_is_done(
    module: str, environment: dict[str, str], missing: str
) -> None:
    """In a process without other settings: a function needs only those that it uses."""
    response, logged = handle_sample_event_and_read_log(module, environment)
    body = json.loads(response["body"])
    assert (response["statusCode"], body["code"]) == (503, "MISCONFIGURED")
    assert missing not in response["body"]
    assert [(line["setting"], line["level"]) for line in logged if "setting" in line] == [(missing, "ERROR")]
    assert [line["Misconfigurations"] for line in logged if "_aws" in line] == [1]


@pytest.mark.parametrize(
    "module",
    [
        "services.healthz",
        "services.registry",
        "openapi.services_document",
        "agent.capabilities",
        "agent.tools",
        "openapi.combined_document",
        "documentation.docs_page",
        "console.console_page",
    ],
)
def test_what_needs_no_setting_works_without_any(module: str) -> None:
    assert handle_sample_event(module, {})["statusCode"] == 200


def test_a_wrong_cors_origin_is_reported_and_stops_nobody_else() -> None:
    response, logged = handle_sample_event_and_read_log("agent.capabilities", {"API_CORS_ORIGIN": "app.example.com"})
    assert response["statusCode"] == 200
    assert [line["setting"] for line in logged if "setting" in line] == ["API_CORS_ORIGIN"]


def test_a_tool_that_lacks_a_setting_does_not_name_it_either() -> None:
    code = (
        "import json, sys; from agent.invoke_tool import handler; event = json.load(sys.stdin);"
        "event |= {'rawPath': '/api/tools/instances.status/invoke', 'body': '{}',"
        " 'pathParameters': {'toolId': 'instances.status'}};"
        "print(json.dumps(handler(event, None)))"
    )
    event = (EVENTS / "agent/invoke_tool.json").read_text()
    *logged, response = map(json.loads, run_python(code, event).splitlines())
    assert (response["statusCode"], json.loads(response["body"])["error"]["code"]) == (503, "MISCONFIGURED")
    assert "RAILWAY" not in response["body"]
    assert [line["setting"] for line in logged if "setting" in line] == ["RAILWAY_ENVIRONMENT_ID"]

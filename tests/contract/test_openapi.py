"""The Services API's OpenAPI document is current and complete; schemathesis runs it against the stack."""

import json
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from local.template import openapi
from local.template.sam_template import Template
from pointsman import errors
from tests.harness.clients import services_client
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.openapi_checks import check_descriptions, check_examples, check_names, list_app_operations
from tests.harness.python_process import run_python
from tests.harness.stack import API_KEY

DOCUMENT = json.loads(openapi.SERVICES_DOCUMENT_PATH.read_text())
OPERATIONS = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
CONTRACT_ROUTES = {
    ("GET", "/healthz"), ("GET", "/registry"), ("POST", "/create-instance"), ("DELETE", "/destroy/{instanceId}"),
    ("POST", "/redeploy/{instanceId}"), ("POST", "/status/batch"), ("POST", "/provision/{instanceId}/{toolId}"),
    ("DELETE", "/destroy/{instanceId}/{toolId}/{resourceId}"), ("POST", "/configure/{instanceId}"),
    ("GET", "/operations/{operationId}"), ("GET", "/dashboard/instances"), ("GET", "/dashboard/credits"),
    ("GET", "/audit"),
}  # fmt: skip

schema = schemathesis.openapi.from_dict(DOCUMENT)


def test_document_is_current() -> None:
    built = run_python("from local.template import openapi; print(openapi.build_services_document(), end='')")
    assert openapi.SERVICES_DOCUMENT_PATH.read_text() == built, "make openapi writes it anew"


def test_document_has_the_routes_of_the_contract_and_of_the_template() -> None:
    template = Template.load(openapi.ROOT / "template.yaml", {})
    services_functions = {
        name for name, function in template.functions.items() if function.module.startswith(openapi.SERVICES_MODULES)
    }
    routes = {(route.method, route.path) for route in template.routes if route.function in services_functions}
    declared = {(method, path) for method, path in routes if method != "ANY"}
    assert declared | list_app_operations("services.fleet_webhooks") == OPERATIONS
    assert CONTRACT_ROUTES <= OPERATIONS


def test_every_response_has_a_schema_and_every_operation_its_errors() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            responses = operation["responses"]
            assert path == "/healthz" or "401" in responses
            assert ("400" in responses) or not (operation.get("parameters") or operation.get("requestBody"))
            for status, response in responses.items():
                schema_of = response["content"]["application/json"]["schema"]
                if int(status) >= 400:
                    assert schema_of == {"$ref": "#/components/schemas/Error"}
                else:
                    assert schema_of


def test_names_summaries_and_examples_serve_generators() -> None:
    check_names(DOCUMENT)
    check_descriptions(DOCUMENT)
    assert check_examples(DOCUMENT) > len(OPERATIONS)
    assert DOCUMENT["info"]["license"]["identifier"] == "MIT"


def test_every_error_example_has_a_code_of_its_status() -> None:
    statuses = {error.code: error.status for name in errors.__all__ if hasattr(error := getattr(errors, name), "code")}
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                for code, example in response["content"]["application/json"].get("examples", {}).items():
                    assert (example["value"]["code"], statuses[code]) == (code, int(status))


def test_a_body_that_is_too_large_is_413_for_every_operation(api: httpx.Client) -> None:
    """Also where a body means nothing: it is measured first."""
    for method, path in OPERATIONS:
        response = api.request(method, path, content=b" " * 1_100_000)
        assert (response.status_code, response.json()["code"]) == (413, "PAYLOAD_TOO_LARGE"), path


def test_document_is_served(api: httpx.Client) -> None:
    response = api.get("/openapi.json")
    assert (response.status_code, response.json()) == (200, DOCUMENT)


@pytest.fixture
def stack_url(stack: Stack, simulator: SimulatorClient, db: Database) -> Iterator[str]:
    # The simulator has been reset: it does not know the instances that an earlier operation's requests created.
    reset_fleet_tables(db)
    yield stack.url
    with services_client(stack.url) as api:
        assert api.put("/maintenance", json={"enabled": False}).status_code == 200


@pytest.mark.slow
@schema.parametrize()
@settings(
    # The examples name one instance, and work in an order: test_agent_openapi.py calls them.
    phases=[Phase.generate, Phase.shrink], max_examples=15, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
def test_the_stack_answers_as_the_document_says(stack_url: str, case: schemathesis.Case) -> None:
    """No 5xx and no undeclared status, header or body, for any input."""
    case.call_and_validate(base_url=stack_url, headers={"Authorization": f"Bearer {API_KEY}"})

"""The combined OpenAPI document is current and complete; schemathesis and its examples run against the stack."""

import json
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from composition import compose
from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from local.template import openapi
from local.template.sam_template import Template
from pointsman.http.openapi.example_values import (
    PARAMETERS_BY_OPERATION,
    REQUESTS_BY_OPERATION,
    RESPONSES_BY_OPERATION,
    VALUES_BY_SCHEMA,
)
from pointsman.http.openapi.runtime_document import generate_runtime_document
from tests.harness.openapi_checks import (
    check_descriptions,
    check_examples,
    check_names,
    iterate_operations,
    list_app_operations,
)
from tests.harness.python_process import run_python

COMBINED_TEXT = openapi.COMBINED_DOCUMENT_PATH.read_text()
DOCUMENT = generate_runtime_document(json.loads(COMBINED_TEXT), compose().api, "header")
SERVICES = json.loads(openapi.SERVICES_DOCUMENT_PATH.read_text())
OPERATIONS = [
    (path, method, declared) for path, methods in DOCUMENT["paths"].items() for method, declared in methods.items()
]
AGENT_PATHS = sorted(path for path in DOCUMENT["paths"] if path not in SERVICES["paths"])

schema = schemathesis.openapi.from_dict(DOCUMENT).include(path=AGENT_PATHS)


def test_document_is_current() -> None:
    built = run_python("from local.template import openapi; print(openapi.build_combined_document(), end='')")
    assert built == COMBINED_TEXT, "make openapi writes it anew"


def test_document_is_served_without_authentication(stack: Stack) -> None:
    response = httpx.get(f"{stack.url}/api/openapi.json", verify=False)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == DOCUMENT


def test_document_has_the_templates_routes_of_both_apis_and_every_exposed_tool(agent: httpx.Client) -> None:
    routes = Template.load(openapi.ROOT / "template.yaml", {}).routes
    tools = agent.get("/tools").json()["tools"]
    # OPTIONS is for browsers' preflights, which no document describes.
    expected = {(route.method, route.path) for route in routes if route.method not in ("ANY", "OPTIONS")}
    # A page for people, and its files: no part of an API.
    expected -= {("GET", "/console"), ("GET", "/console/{asset}")}
    expected |= list_app_operations("services.fleet_webhooks") | list_app_operations("agent.user_webhooks", "/api")
    expected -= {("POST", "/mcp")}  # It describes itself.
    assert expected | {("POST", f"/api/tools/{tool['id']}/invoke") for tool in tools} == {
        (method.upper(), path) for path, method, _ in OPERATIONS
    }


def test_a_tools_operation_agrees_with_its_listing(agent: httpx.Client) -> None:
    for tool in agent.get("/tools").json()["tools"]:
        operation = DOCUMENT["paths"][f"/api/tools/{tool['id']}/invoke"]["post"]
        assert (operation["tags"], operation["description"]) == ([tool["tag"]], tool["description"])
        input_schema = operation["requestBody"]["content"]["application/json"]["schema"]
        result = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert resolve_references(input_schema, DOCUMENT) == resolve_references(tool["input"], tool["input"])
        result_schema = resolve_references(result, DOCUMENT)["properties"]["result"]
        assert result_schema == resolve_references(tool["output"], tool["output"])


def test_names_summaries_and_examples_serve_generators() -> None:
    for document in (DOCUMENT, json.loads(COMBINED_TEXT)):
        check_names(document)
        check_descriptions(document)
        assert check_examples(document) > len([*iterate_operations(document)])


def test_every_typical_value_is_used() -> None:
    operation_ids = {operation["operationId"] for _, _, operation in OPERATIONS}
    assert {*PARAMETERS_BY_OPERATION, *REQUESTS_BY_OPERATION, *RESPONSES_BY_OPERATION} <= operation_ids
    assert VALUES_BY_SCHEMA.keys() <= DOCUMENT["components"]["schemas"].keys()


def test_the_example_of_a_stream_has_events_of_the_schema() -> None:
    media = DOCUMENT["paths"]["/api/prompt"]["post"]["responses"]["200"]["content"]["text/event-stream"]
    event_schema = resolve_references(media["schema"]["anyOf"][0], DOCUMENT)
    events = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in media["example"].strip().split("\n\n")
    ]
    assert [event["event"] for event in events] == ["prompt.created", "prompt.output", "prompt.completed"]
    for event in events:
        jsonschema.validate(event, event_schema)
        (variant,) = [part for part in event_schema["oneOf"] if part["properties"]["event"]["const"] == event["event"]]
        jsonschema.validate(json.loads(event["data"]), variant["properties"]["data"]["contentSchema"])


def test_every_tool_lists_objects(agent: httpx.Client) -> None:
    """Clients refuse a choice between objects that does not say so."""
    for tool in agent.get("/tools").json()["tools"]:
        assert (tool["input"]["type"], tool["output"]["type"]) == ("object", "object"), tool["id"]


def test_a_body_that_is_too_large_is_413_where_no_user_is_needed(stack: Stack) -> None:
    """Also where a body means nothing: it is measured first."""
    public = [path for path, _, operation in OPERATIONS if path in AGENT_PATHS and operation.get("security") == []]
    assert "/api/openapi.json" in public
    for path in public:
        response = httpx.request("GET", stack.url + path, content=b" " * 1_100_000, timeout=60, verify=False)
        assert (response.status_code, response.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE"), path


def test_the_services_api_is_included_unchanged() -> None:
    for path, methods in SERVICES["paths"].items():
        for method, operation in methods.items():
            combined = DOCUMENT["paths"][path][method]
            assert combined["responses"] == operation["responses"]
            assert combined["security"] == operation.get("security", SERVICES["security"])
    assert SERVICES["components"]["schemas"].items() <= DOCUMENT["components"]["schemas"].items()


def test_errors_have_the_schema_of_their_api() -> None:
    for path, methods in DOCUMENT["paths"].items():
        shape = "AgentError" if path in AGENT_PATHS else "Error"
        for operation in methods.values():
            errors = {status: response for status, response in operation["responses"].items() if status >= "4"}
            assert errors
            for response in errors.values():
                assert response["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{shape}"}
            assert ("401" in errors) is (operation.get("security") != [])


@pytest.mark.slow
def test_every_example_works(stack: Stack, api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient) -> None:
    """Examples of the Services API name one instance: it is created first and destroyed last."""
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    for path, method, operation in sorted(OPERATIONS, key=_execution_order):
        target = path
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                target = target.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "nothing")))
        body = operation.get("requestBody", {"content": {}})["content"].get("application/json", {}).get("example")
        headers = dict((agent if path in AGENT_PATHS else api).headers)
        response = httpx.request(method, stack.url + target, json=body, headers=headers, timeout=60, verify=False)
        details = f"{method} {target}: {response.status_code} {response.text[:300]}"
        assert str(response.status_code) in operation["responses"], details
        assert response.status_code < 300 or operation["operationId"] in EXPECTED_REFUSALS, details
        if operation["operationId"] == "setMaintenance":
            assert api.put("/maintenance", json={"enabled": False}).status_code == 200


def _execution_order(entry: tuple[str, str, Any]) -> tuple[bool, bool, int]:
    path, method, operation = entry
    return operation["operationId"] != "createInstance", method == "delete", -path.count("{")


def test_a_tool_that_raises_is_a_declared_500(agent: httpx.Client) -> None:
    response = agent.post("/tools/conversation.get/invoke", json={"conversationId": "unknown"})
    assert (response.status_code, response.json()["error"]["code"]) == (500, "TOOL_ERROR")
    declared = DOCUMENT["paths"]["/api/tools/conversation.get/invoke"]["post"]["responses"]["500"]
    assert "`TOOL_ERROR`" in declared["description"]


EXPECTED_REFUSALS = {
    # They name ids that an earlier call returned.
    "getOperation", "retryOperation", "abandonOperation", "destroyResource",
    "callConversationGet", "getDocsAsset", "followPrompt", "getPrompt", "approveCall", "rejectCall", "cancelPrompt",
    "getWebhook", "updateWebhook", "deleteWebhook", "rotateWebhookSecret", "testWebhook", "listDeliveries",
    "replayDelivery", "getFleetWebhook", "updateFleetWebhook", "deleteFleetWebhook", "rotateFleetWebhookSecret",
    "testFleetWebhook", "listFleetDeliveries", "replayFleetDelivery",
    # They need an approval.
    "callInstancesCreate", "callInstancesDestroy", "callInstancesRedeploy", "callInstancesConfigure",
}  # fmt: skip
"""Operations whose examples can only fail: they name nothing that exists before."""


EXCLUDED_CHECKS = [not_a_server_error, ignored_auth]
"""Tested separately: 500 of a tool is declared, and any X-User-Id is accepted locally."""


def test_requests_without_a_user_are_401_where_the_document_says_so(stack: Stack) -> None:
    for path, method, operation in OPERATIONS:
        if path in AGENT_PATHS and operation.get("security") != []:
            response = httpx.request(method, stack.url + path, timeout=60, verify=False)
            assert (response.status_code, response.json()["error"]["code"]) == (401, "AUTH_REQUIRED"), path


UNDECLARED_REFUSALS = {
    "/api/tools/{toolId}/invoke",
    "/api/tools/time.now/invoke",
    "/api/tools/instances.create/invoke",
    "/api/agui",
    "/api/chat",
}
"""Operations that may reject input that matches its schema: it depends on the tool, time zones have no schema, an
instance's name repeats its id, and the last message of a list must be of one of two roles, which no schema says."""


@pytest.fixture
def stack_url(stack: Stack, simulator: SimulatorClient) -> str:
    return stack.url


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=8, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
def test_the_stack_answers_as_the_document_says(stack_url: str, case: schemathesis.Case) -> None:
    """No undeclared status, header or body for any input; no 5xx but TOOL_ERROR."""
    headers = {"X-User-Id": "user-of-schemathesis"}
    excluded = [*EXCLUDED_CHECKS, *([positive_data_acceptance] if case.operation.path in UNDECLARED_REFUSALS else [])]
    response = case.call(base_url=stack_url, headers=headers)
    case.validate_response(response, headers=headers, excluded_checks=excluded)
    assert response.status_code < 500 or response.json()["error"]["code"] == "TOOL_ERROR", response.text


def resolve_references(node: Any, root: Any) -> Any:
    """Inline all references of a schema, and drop the titles: in a listing they are names of classes."""
    if isinstance(node, list):
        return [resolve_references(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return resolve_references(found, root)
    return {
        name: resolve_references(value, root)
        for name, value in node.items()
        if name != "$defs" and not (name == "title" and isinstance(value, str))
    }

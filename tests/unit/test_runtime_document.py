"""The combined document of a bundle: complete, without collisions, and true to the settings."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel

from local.template import openapi
from pointsman import errors
from pointsman.agent import Agent, Input, RouteContext, Tool, ToolContext
from pointsman.http.openapi.runtime_document import generate_runtime_document
from pointsman.http.openapi.schema import ERROR_CODES
from tests.harness.clashing_bundle import build_clashing_document
from tests.harness.openapi_checks import check_descriptions, check_examples, check_names, iterate_operations

COMBINED_TEXT = openapi.COMBINED_DOCUMENT_PATH.read_text()


class Leaf(BaseModel):
    text: str


class Branch(BaseModel):
    children: "list[Branch]" = []
    leaf: Leaf | None = None


class Number(Input):
    number: int


class Text(BaseModel):
    text: str


def make_other_number() -> type[BaseModel]:
    class Number(Input):
        number: str

    return Number


def invoke(context: ToolContext[Any]) -> dict[str, object]:
    return {"text": "hello"}


def greet(context: RouteContext) -> dict[str, object]:
    return {"text": context.path["name"]}


def compose_agent() -> Agent:
    agent = Agent(prefix="/v1")
    agent.api.expose_tool(Tool("tree.grow", "Grow", Branch, Branch, invoke), tag="Trees")
    agent.api.expose_tool(Tool("one.number", "One", Number, Text, invoke, example={"number": 1}))
    agent.api.expose_tool(
        Tool("two.number", "Two", make_other_number(), Text, invoke, approval=lambda arguments: "it costs")
    )
    agent.api.expose_tool(Tool("status.batch", "Named like an endpoint", Number, Text, invoke))
    agent.api.register_route("GET", "/hello/{name}", greet, summary="Greet", tag="Greetings", output=Text, public=True)
    agent.api.register_route("POST", "/hello/{name}", greet, input=Number)
    return agent.start()


def build_document(mode: Any = "header") -> dict[str, Any]:
    return generate_runtime_document(json.loads(COMBINED_TEXT), compose_agent().api, mode)


def iterate_references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from iterate_references(value)
    elif isinstance(node, list):
        for value in node:
            yield from iterate_references(value)


def find_tool_operation(openapi_document: dict[str, Any], tool_id: str) -> dict[str, Any]:
    return openapi_document["paths"][f"/v1/tools/{tool_id}/invoke"]["post"]


@pytest.mark.parametrize("mode", ["header", "api_key", "jwt"])
def test_document_is_valid_and_every_reference_resolves(mode: str) -> None:
    document = build_document(mode)
    validate(document)
    schemas = document["components"]["schemas"]
    assert {ref.removeprefix("#/components/schemas/") for ref in iterate_references(document)} <= set(schemas)
    assert "$defs" not in json.dumps(document)


def test_the_generated_file_is_a_valid_document_by_itself() -> None:
    validate(json.loads(COMBINED_TEXT))


@pytest.mark.parametrize("build", [build_document, build_clashing_document])
def test_names_summaries_and_examples_serve_generators(build: Callable[[], dict[str, Any]]) -> None:
    document = build()
    validate(document)
    check_names(document)
    check_descriptions(document)
    assert check_examples(document) > len([*iterate_operations(document)])


def test_names_that_differ_in_case_only_get_a_number() -> None:
    document = build_clashing_document()
    ids = {path: methods["post"]["operationId"] for path, methods in document["paths"].items() if "post" in methods}
    assert [ids[f"/v1/tools/{tool_id}/invoke"] for tool_id in ("a.bc", "ab.c", "a.b_c", "a.b.c")] == [
        "callABc", "callAbC2", "callABC3", "callABC4",
    ]  # fmt: skip
    assert document["paths"]["/v1/docs-page"]["get"]["operationId"] == "getDocsPage2"


def test_an_example_that_a_tool_refuses_is_not_shown() -> None:
    agent = Agent()
    agent.api.expose_tool(Tool("one.number", "One", Number, Text, invoke, example={"number": "one"}))
    document = generate_runtime_document(json.loads(COMBINED_TEXT), agent.start().api, "header")
    body = document["paths"]["/api/tools/one.number/invoke"]["post"]["requestBody"]["content"]["application/json"]
    assert body["example"] == {"number": 1}


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for methods in build_document()["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)
    assert {"callOneNumber", "callStatusBatch", "getHelloByName", "postHelloByName"} <= set(ids)


def test_tools_with_models_of_one_name_keep_their_own_types() -> None:
    schemas = build_document()["components"]["schemas"]
    assert schemas["OneNumberInput"]["properties"]["number"]["type"] == "integer"
    assert schemas["TwoNumberInput"]["properties"]["number"]["type"] == "string"


def test_nested_and_recursive_models_are_components() -> None:
    schemas = build_document()["components"]["schemas"]
    own = {"$ref": "#/components/schemas/TreeGrowInput"}
    assert schemas["TreeGrowInput"]["properties"]["children"]["items"] == own
    assert schemas["TreeGrowLeaf"]["required"] == schemas["TreeGrowOutputLeaf"]["required"] == ["text"]


def test_a_tool_is_an_operation_with_its_tag_types_example_and_errors() -> None:
    document = build_document()
    operation = find_tool_operation(document, "one.number")
    assert (operation["tags"], operation["summary"], operation["description"]) == (["tools"], "one.number", "One")
    assert operation["requestBody"]["required"] is True
    assert operation["requestBody"]["content"]["application/json"] == {
        "schema": {"$ref": "#/components/schemas/OneNumberInput"}, "example": {"number": 1},
    }  # fmt: skip
    result = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert result == {"$ref": "#/components/schemas/CallOneNumberResponse"}
    result_properties = document["components"]["schemas"]["CallOneNumberResponse"]["properties"]
    assert result_properties == {"result": {"$ref": "#/components/schemas/OneNumberOutput"}}
    assert list(operation["responses"]) == ["200", "401", "413", "422", "500", "503"]
    assert "TOOL_ERROR" in operation["responses"]["500"]["description"]
    assert "APPROVAL_REQUIRED" in find_tool_operation(document, "two.number")["responses"]["403"]["description"]


def test_a_tool_that_needs_no_input_says_so() -> None:
    body = find_tool_operation(build_document(), "tree.grow")["requestBody"]
    assert (body["required"], body["content"]["application/json"]["example"]) == (False, {})


def test_routes_of_the_bundle_are_operations() -> None:
    hello = build_document()["paths"]["/v1/hello/{name}"]
    assert (hello["get"]["summary"], hello["get"]["tags"], hello["get"]["security"]) == ("Greet", ["Greetings"], [])
    assert (hello["post"]["summary"], hello["post"]["tags"]) == ("POST /hello/{name}", ["routes"])
    assert [parameter["name"] for parameter in hello["post"]["parameters"]] == ["name"]
    assert "401" not in hello["get"]["responses"]
    assert {"401", "413", "422", "500", "default"} <= set(hello["post"]["responses"])


def test_paths_have_the_prefix_and_those_of_the_services_api_do_not() -> None:
    paths = build_document()["paths"]
    assert not [path for path in paths if path.startswith("/api")]
    assert {"/v1/capabilities", "/v1/tools/{toolId}/invoke", "/v1/openapi.json", "/create-instance"} <= set(paths)


def test_tags_are_listed_once_with_the_bundles_between_ours() -> None:
    names = [tag["name"] for tag in build_document()["tags"]]
    assert names == ["Agent API", "Trees", "tools", "Greetings", "routes", "Services API"]


@pytest.mark.parametrize(("mode", "security", "schemes"), [
    ("header", [{"user": []}], {"user", "key"}),
    ("api_key", [{"user": [], "agentKey": []}], {"user", "agentKey", "key"}),
    ("jwt", [{"token": []}], {"token", "key"}),
])  # fmt: skip
def test_security_follows_the_auth_mode(mode: str, security: list[Any], schemes: set[str]) -> None:
    document = build_document(mode)
    assert (document["security"], set(document["components"]["securitySchemes"])) == (security, schemes)
    assert document["paths"]["/create-instance"]["post"]["security"] == [{"key": []}]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    for path in ("/v1/openapi.json", "/v1/docs", "/v1/docs/{asset}"):
        assert document["paths"][path]["get"]["security"] == []
    for operation in (document["paths"]["/v1/capabilities"]["get"], find_tool_operation(document, "one.number")):
        assert "security" not in operation


def test_error_codes_have_the_statuses_of_their_classes() -> None:
    known = {error.code: error.status for name in errors.__all__ if hasattr(error := getattr(errors, name), "code")}
    for code, (status, _) in ERROR_CODES.items():
        assert known.get(code, status) == status, code

"""The OpenAPI document of both APIs as a bundle serves it: the combined document with the bundle's tools and routes."""

from collections.abc import Mapping
from typing import cast

from ...agent.api_service import ApiService, ExposedTool
from ...agent.json_schema import input_schema, output_schema, tool_input_schema
from ...agent.routes import Route
from ...agent.tool import AnyTool
from ...errors import InvalidToolInput, ToolFailed
from ...settings.api import AuthMode
from ..agent_api.route_spec import TOOL_CALL_ERROR_CODES
from .components import SchemaComponents
from .examples import add_examples, make_example
from .names import UniqueNames, camel_case, pascal_case
from .schema import (
    AGENT_TAG,
    Document,
    build_error_response,
    build_error_responses,
    json_content,
    path_parameter,
)

__all__ = ["generate_runtime_document"]

_TOOLS_TAG, _ROUTES_TAG = "tools", "routes"
"""The tags of tools and routes that are registered without one."""

_SECURITY_BY_MODE: Mapping[AuthMode, list[dict[str, list[str]]]] = {
    "header": [{"user": []}],
    "api_key": [{"user": [], "agentKey": []}],
    "jwt": [{"token": []}],
}
"""Security requirements of the Agent API, by the mode of AGENT_AUTH."""


def generate_runtime_document(combined: Document, api: ApiService, mode: AuthMode) -> Document:
    """Complete the combined document for a bundle and its settings.

    Args:
        combined: the document that `make openapi` has written, for the prefix /api; it is modified.
        api: the bundle's tools, routes and prefix.
        mode: the setting AGENT_AUTH.

    Returns:
        The modified document.
    """
    agent_paths = {path: methods for path, methods in combined["paths"].items() if _first_tag(methods) == AGENT_TAG}
    paths = {api.prefix + path.removeprefix("/api"): methods for path, methods in agent_paths.items()}
    components = SchemaComponents(combined["components"]["schemas"])
    operation_ids = UniqueNames(
        operation["operationId"] for methods in combined["paths"].values() for operation in methods.values()
    )
    for exposed in api.tools:
        operation = _build_tool_operation(exposed, components, operation_ids)
        paths[f"{api.prefix}/tools/{exposed.tool.id}/invoke"] = {"post": operation}
    for route in api.routes:
        operation = _build_route_operation(route, components, operation_ids)
        paths.setdefault(api.prefix + route.path, {})[route.method.lower()] = operation
    paths |= {path: methods for path, methods in combined["paths"].items() if path not in agent_paths}
    agent, *others = combined["tags"]
    combined["paths"] = paths
    combined["tags"] = [agent, *_describe_bundle_tags(api, {tag["name"] for tag in combined["tags"]}), *others]
    combined["security"] = _SECURITY_BY_MODE[mode]
    scheme_names = {name for requirements in _SECURITY_BY_MODE.values() for schemes in requirements for name in schemes}
    for name in scheme_names.difference(*_SECURITY_BY_MODE[mode]):
        del combined["components"]["securitySchemes"][name]
    return combined


def _describe_bundle_tags(api: ApiService, known_tags: set[str]) -> list[Document]:
    contents: dict[str, dict[str, None]] = {}
    for exposed in api.tools:
        contents.setdefault(exposed.tag or _TOOLS_TAG, {})["Tools"] = None
    for route in api.routes:
        contents.setdefault(route.tag or _ROUTES_TAG, {})["Routes"] = None
    return [
        {"name": tag, "description": " and ".join(kinds).capitalize() + " of this bundle"}
        for tag, kinds in contents.items()
        if tag not in known_tags
    ]


def _build_tool_operation(exposed: ExposedTool, components: SchemaComponents, operation_ids: UniqueNames) -> Document:
    tool = exposed.tool
    owner = pascal_case(tool.id)
    input_reference = components.add(tool_input_schema(tool), f"{owner}Input", owner, f"{owner}Input")
    output_reference = components.add(output_schema(tool.output), f"{owner}Output", owner, f"{owner}Output")
    result = components.refer(_wrap_result_schema(output_reference), f"Call{owner}Response")
    unused_codes = {
        code for code, is_used in (("FORBIDDEN", tool.requires), ("APPROVAL_REQUIRED", tool.approval)) if not is_used
    }
    codes = [code for code in TOOL_CALL_ERROR_CODES if code not in unused_codes]
    operation: Document = {
        "tags": [exposed.tag or _TOOLS_TAG],
        "summary": tool.id,
        "description": tool.description,
        **_describe_permission(tool.requires),
        "operationId": operation_ids.take(camel_case(f"call.{tool.id}")),
        "requestBody": {
            "required": not _is_valid_input(tool, {}),
            "content": json_content(input_reference, _find_input_example(tool, input_reference, components)),
        },
        "responses": {
            "200": {"description": "What the tool returned", "content": json_content(result)},
            **build_error_responses(*codes),
        },
    }
    add_examples(operation, components.schemas)
    return operation


def _describe_permission(required: str) -> Document:
    return {"x-required-permission": required} if required else {}


def _find_input_example(tool: AnyTool, reference: Document, components: SchemaComponents) -> object:
    """Return the tool's own example, no members, or a composed example: the first that it accepts. None without one."""
    candidates: tuple[object, ...] = (tool.example, {}, make_example(reference, components.schemas))
    return next((candidate for candidate in candidates if _is_valid_input(tool, candidate)), None)


def _is_valid_input(tool: AnyTool, raw_input: object) -> bool:
    if not isinstance(raw_input, Mapping):
        return False
    try:
        tool.validate_input(dict(cast("Mapping[str, object]", raw_input)))
    except (InvalidToolInput, ToolFailed):
        return False
    return True


def _build_route_operation(route: Route, components: SchemaComponents, operation_ids: UniqueNames) -> Document:
    # The parameters' names tell /hello/{name} and /hello/name apart.
    operation_id = operation_ids.take(camel_case(route.method.lower() + route.path.replace("{", "by-")))
    owner = pascal_case(operation_id)
    operation: Document = {
        "tags": [route.tag or _ROUTES_TAG],
        "summary": route.summary or f"{route.method} {route.path}",
        "operationId": operation_id,
        **_describe_permission(route.requires),
    }
    if route.parameters:
        operation["parameters"] = [path_parameter(name) for name in route.parameters]
    codes = ["ROUTE_ERROR", *(["FORBIDDEN"] if route.requires else [])]
    if route.input is not None:
        body = components.add(input_schema(route.input), f"{owner}Input", owner, f"{owner}Input")
        operation["requestBody"] = {"required": True, "content": json_content(body)}
        codes.append("VALIDATION_ERROR")
    output = {"type": "object"} if route.output is None else output_schema(route.output)
    reference = components.add(output, f"{owner}Output", owner, f"{owner}Output")
    operation["responses"] = {
        "200": {"description": "Done", "content": json_content(reference)},
        **build_error_responses(*codes, public=route.public),
        "default": build_error_response("An error that the route chose; the message says what to do", "NOT_FOUND"),
    }
    add_examples(operation, components.schemas)
    return {**operation, "security": list[object]()} if route.public else operation


def _wrap_result_schema(schema: Document) -> Document:
    return {"type": "object", "properties": {"result": schema}, "required": ["result"], "additionalProperties": False}


def _first_tag(methods: Document) -> str:
    return next(iter(methods.values()))["tags"][0]

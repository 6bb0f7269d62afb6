"""The OpenAPI document of both APIs as a bundle serves it: the combined document with the bundle's tools and routes."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ...agent.api_service import ApiService, ExposedTool
from ...agent.json_schema import input_schema, output_schema
from ...agent.routes import Route
from ...errors import InvalidToolInput
from ...settings.api import AuthMode
from ..agent_api.route_spec import TOOL_CALL_ERROR_CODES
from .schema import (
    AGENT_TAG,
    SCHEMA_REF_PREFIX,
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
    schemas: dict[str, Any] = combined["components"]["schemas"]
    operation_ids = {
        operation["operationId"] for methods in combined["paths"].values() for operation in methods.values()
    }
    for exposed in api.tools:
        operation = _build_tool_operation(exposed, schemas, _make_unique_id(exposed.tool.id, operation_ids))
        paths[f"{api.prefix}/tools/{exposed.tool.id}/invoke"] = {"post": operation}
    for route in api.routes:
        operation = _build_route_operation(
            route, schemas, _make_unique_id(f"{route.method.lower()}{route.path}", operation_ids)
        )
        paths.setdefault(api.prefix + route.path, {})[route.method.lower()] = operation
    paths |= {path: methods for path, methods in combined["paths"].items() if path not in agent_paths}
    agent, *others = combined["tags"]
    known_tags = [tag["name"] for tag in combined["tags"]]
    used_tags = [tag for methods in paths.values() for operation in methods.values() for tag in operation["tags"]]
    bundle_tags = dict.fromkeys(tag for tag in used_tags if tag not in known_tags)
    combined["paths"] = paths
    combined["tags"] = [agent, *({"name": tag} for tag in bundle_tags), *others]
    combined["security"] = _SECURITY_BY_MODE[mode]
    scheme_names = {name for requirements in _SECURITY_BY_MODE.values() for schemes in requirements for name in schemes}
    for name in scheme_names.difference(*_SECURITY_BY_MODE[mode]):
        del combined["components"]["securitySchemes"][name]
    return combined


def _build_tool_operation(exposed: ExposedTool, schemas: Document, operation_id: str) -> Document:
    tool = exposed.tool
    example: Mapping[str, object] | None = {}
    try:
        tool.validate_input({})
    except InvalidToolInput:
        example = None
    codes = [code for code in TOOL_CALL_ERROR_CODES if tool.approval is not None or code != "APPROVAL_REQUIRED"]
    return {
        "tags": [exposed.tag or _TOOLS_TAG],
        "summary": tool.id,
        "description": tool.description,
        "operationId": operation_id,
        "requestBody": {
            "required": example is None,
            "content": json_content(
                _add_component(schemas, tool.id, "Input", tool.input), example if tool.example is None else tool.example
            ),
        },
        "responses": {
            "200": {
                "description": "What the tool returned",
                "content": json_content(_wrap_result_schema(_add_component(schemas, tool.id, "Output", tool.output))),
            },
            **build_error_responses(*codes),
        },
    }


def _build_route_operation(route: Route, schemas: Document, operation_id: str) -> Document:
    public = {"security": list[object]()} if route.public else {}
    parameters = [path_parameter(name) for name in route.parameters]
    output = (
        {"type": "object"} if route.output is None else _add_component(schemas, operation_id, "Output", route.output)
    )
    operation: Document = {
        "tags": [route.tag or _ROUTES_TAG],
        "summary": route.summary or f"{route.method} {route.path}",
        "operationId": operation_id,
        **({"parameters": parameters} if parameters else {}),
    }
    codes = ["ROUTE_ERROR"]
    if route.input is not None:
        body = json_content(_add_component(schemas, operation_id, "Input", route.input))
        operation["requestBody"] = {"required": True, "content": body}
        codes += ["VALIDATION_ERROR", "PAYLOAD_TOO_LARGE"]
    operation["responses"] = {
        "200": {"description": "Done", "content": json_content(output)},
        **build_error_responses(*codes, public=route.public),
        "default": build_error_response("An error that the route chose; the message says what to do"),
    }
    return {**operation, **public}


def _add_component(schemas: Document, owner: str, part: str, model: type[BaseModel]) -> Document:
    """Add a model's schema, and the schemas that it refers to, to the components, and return a reference to it.

    Their names start with the owner's: two plugins may have models of the same name.
    """
    name = f"{owner}.{part}"
    build_schema = input_schema if part == "Input" else output_schema
    schema = build_schema(model, f"{SCHEMA_REF_PREFIX}{name}.{{model}}")
    for inner, inner_schema in schema.pop("$defs", {}).items():
        schemas[f"{name}.{inner}"] = inner_schema
    schemas[name] = schema
    return {"$ref": SCHEMA_REF_PREFIX + name}


def _wrap_result_schema(schema: Document) -> Document:
    return {"type": "object", "properties": {"result": schema}, "required": ["result"], "additionalProperties": False}


def _make_unique_id(preferred: str, used_ids: set[str]) -> str:
    """Make a unique operation id that generators of client code accept as a name."""
    base = re.sub(r"\W+", "_", preferred).strip("_")
    name, number = base, 2
    while name in used_ids:
        name, number = f"{base}_{number}", number + 1
    used_ids.add(name)
    return name


def _first_tag(methods: Document) -> str:
    return next(iter(methods.values()))["tags"][0]

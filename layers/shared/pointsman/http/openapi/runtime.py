"""The OpenAPI document of both APIs as they run: what is the same everywhere, and this bundle's tools and routes."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ...agent.api_service import ApiService, ExposedTool
from ...agent.json_schema import input_schema, output_schema
from ...agent.routes import Route
from ...errors import InvalidToolInput
from ...settings.api import AuthMode
from ..agent_api.models import TOOL_CALL_ERROR_CODES

__all__ = ["AGENT_TAG", "Document", "build_error_responses", "generate_runtime_document"]

Document = dict[str, Any]

AGENT_TAG = "Agent API"
_TOOLS_TAG, _ROUTES_TAG = "tools", "routes"
"""The tags of tools and routes that are exposed without one."""

_SCHEMA_REF_PREFIX = "#/components/schemas/"

_ERROR_CODES = {
    "AUTH_REQUIRED": (401, "who is calling is not known"),
    "APPROVAL_REQUIRED": (403, "a person must approve this call, and here nobody can"),
    "NOT_FOUND": (404, "there is nothing of this name"),
    "TOOL_NOT_FOUND": (404, "no tool of this id is exposed"),
    "PROMPT_NOT_FOUND": (404, "there is no such prompt of yours, or it does not wait for this"),
    "CONVERSATION_BUSY": (409, "a prompt of this conversation still runs or waits"),
    "IDEMPOTENCY_KEY_REUSED": (409, "the key came with another request"),
    "PAYLOAD_TOO_LARGE": (413, "the body is too large"),
    "VALIDATION_ERROR": (422, "the input does not fit; `details` tell what is wrong where"),
    "FEATURE_UNAVAILABLE": (422, "a plugin that this needs is not registered"),
    "TOOL_ERROR": (500, "the tool failed; the message says why"),
    "ROUTE_ERROR": (500, "the route failed; the message says why"),
    "INTERNAL_ERROR": (500, "something unexpected; the log tells more"),
    "MISSING_SETTING": (500, "the message names a setting that is missing"),
    "MODEL_ERROR": (502, "the model or its provider failed"),
    "AUTH_UNAVAILABLE": (503, "whether the token is genuine cannot be checked now"),
    "DATABASE_UNAVAILABLE": (503, "the database cannot be reached"),
    "START_FAILED": (503, "the prompt could not be started, and was given up"),
    "DOCS_UNAVAILABLE": (503, "the script of the documentation was not packed"),
}
"""The status of each code of part B, and what it means."""

_COMMON_ERROR_CODES = ("INTERNAL_ERROR", "MISSING_SETTING")

_SECURITY_BY_MODE: Mapping[AuthMode, list[dict[str, list[str]]]] = {
    "header": [{"user": []}],
    "api_key": [{"user": [], "agentKey": []}],
    "jwt": [{"token": []}],
}
"""What callers of part B have to present."""


def generate_runtime_document(combined: Document, api: ApiService, mode: AuthMode) -> Document:
    """The document as it is true of what runs.

    Args:
        fixed: what `make openapi` has written, for the prefix /api; it is changed and handed back.
        api: the bundle's tools and routes.
        mode: how callers of part B say who they are.
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
    scheme_names = {name for asked in _SECURITY_BY_MODE.values() for one in asked for name in one}
    for name in scheme_names.difference(*_SECURITY_BY_MODE[mode]):
        del combined["components"]["securitySchemes"][name]
    return combined


def build_error_responses(*error_codes: str, public: bool = False) -> Document:
    """The responses of an operation of part B that are errors: those of these codes, and those that all have."""
    all_codes = [*error_codes, *_COMMON_ERROR_CODES, *(() if public else ("AUTH_REQUIRED", "AUTH_UNAVAILABLE"))]
    by_status: dict[int, list[str]] = {}
    for code in all_codes:
        status, meaning = _ERROR_CODES[code]
        by_status.setdefault(status, []).append(f"`{code}`: {meaning}")
    return {str(status): _build_error_response("; ".join(by_status[status])) for status in sorted(by_status)}


def _build_error_response(description: str) -> Document:
    return {"description": description, "content": _json_content({"$ref": f"{_SCHEMA_REF_PREFIX}AgentError"})}


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
            "content": _json_content(
                _add_component(schemas, tool.id, "Input", tool.input), example if tool.example is None else tool.example
            ),
        },
        "responses": {
            "200": {
                "description": "What the tool returned",
                "content": _json_content(_wrap_result_schema(_add_component(schemas, tool.id, "Output", tool.output))),
            },
            **build_error_responses(*codes),
        },
    }


def _build_route_operation(route: Route, schemas: Document, operation_id: str) -> Document:
    public = {"security": list[object]()} if route.public else {}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in route.parameters
    ]
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
        body = _json_content(_add_component(schemas, operation_id, "Input", route.input))
        operation["requestBody"] = {"required": True, "content": body}
        codes += ["VALIDATION_ERROR", "PAYLOAD_TOO_LARGE"]
    operation["responses"] = {
        "200": {"description": "Done", "content": _json_content(output)},
        **build_error_responses(*codes, public=route.public),
        "default": _build_error_response("An error that the route chose; the message says what to do"),
    }
    return {**operation, **public}


def _add_component(schemas: Document, owner: str, part: str, model: type[BaseModel]) -> Document:
    """Put the model's schema among the components, and what it refers to; a reference to it.

    Names begin with the owner's, as two plugins may have models of the same one.
    """
    name = f"{owner}.{part}"
    build_schema = input_schema if part == "Input" else output_schema
    schema = build_schema(model, f"{_SCHEMA_REF_PREFIX}{name}.{{model}}")
    for inner, inner_schema in schema.pop("$defs", {}).items():
        schemas[f"{name}.{inner}"] = inner_schema
    schemas[name] = schema
    return {"$ref": _SCHEMA_REF_PREFIX + name}


def _wrap_result_schema(schema: Document) -> Document:
    return {"type": "object", "properties": {"result": schema}, "required": ["result"], "additionalProperties": False}


def _json_content(schema: Document, example: object = None) -> Document:
    return {"application/json": {"schema": schema, **({} if example is None else {"example": example})}}


def _make_unique_id(preferred: str, used_ids: set[str]) -> str:
    """A name for generated code that no other operation has."""
    base = re.sub(r"\W+", "_", preferred).strip("_")
    name, number = base, 2
    while name in used_ids:
        name, number = f"{base}_{number}", number + 1
    used_ids.add(name)
    return name


def _first_tag(methods: Document) -> str:
    return next(iter(methods.values()))["tags"][0]

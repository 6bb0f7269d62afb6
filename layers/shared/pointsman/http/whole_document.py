"""The OpenAPI document of both APIs as they run: what is the same everywhere, and this bundle's tools and routes."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ..agent.api_service import ApiService, ExposedTool
from ..agent.routes import Route
from ..agent.schemas import input_schema, output_schema
from ..errors import InvalidToolInput
from ..settings.agent_auth import Mode
from .agent_answers import REFUSALS

__all__ = ["AGENT_TAG", "Document", "refusals", "whole_document"]

Document = dict[str, Any]

AGENT_TAG = "Agent API"
_TOOLS, _ROUTES = "tools", "routes"
"""The tags of tools and routes that are exposed without one."""

_SCHEMAS = "#/components/schemas/"

_SAID = {
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

_ALWAYS = ("INTERNAL_ERROR", "MISSING_SETTING")

_ASKED: Mapping[Mode, list[dict[str, list[str]]]] = {
    "header": [{"user": []}],
    "api_key": [{"user": [], "agentKey": []}],
    "jwt": [{"token": []}],
}
"""What callers of part B have to present."""


def whole_document(fixed: Document, api: ApiService, mode: Mode) -> Document:
    """The document as it is true of what runs.

    Args:
        fixed: what `make openapi` has written, for the prefix /api; it is changed and handed back.
        api: the bundle's tools and routes.
        mode: how callers of part B say who they are.
    """
    ours = {path: methods for path, methods in fixed["paths"].items() if _tag(methods) == AGENT_TAG}
    paths = {api.prefix + path.removeprefix("/api"): methods for path, methods in ours.items()}
    schemas: dict[str, Any] = fixed["components"]["schemas"]
    taken = {operation["operationId"] for methods in fixed["paths"].values() for operation in methods.values()}
    for exposed in api.tools:
        operation = _of_tool(exposed, schemas, _unique(exposed.tool.id, taken))
        paths[f"{api.prefix}/tools/{exposed.tool.id}/invoke"] = {"post": operation}
    for route in api.routes:
        operation = _of_route(route, schemas, _unique(f"{route.method.lower()}{route.path}", taken))
        paths.setdefault(api.prefix + route.path, {})[route.method.lower()] = operation
    paths |= {path: methods for path, methods in fixed["paths"].items() if path not in ours}
    agent, *others = fixed["tags"]
    known = [tag["name"] for tag in fixed["tags"]]
    used = [tag for methods in paths.values() for operation in methods.values() for tag in operation["tags"]]
    tags = dict.fromkeys(tag for tag in used if tag not in known)
    fixed["paths"] = paths
    fixed["tags"] = [agent, *({"name": tag} for tag in tags), *others]
    fixed["security"] = _ASKED[mode]
    unused = {name for asked in _ASKED.values() for one in asked for name in one}
    for name in unused.difference(*_ASKED[mode]):
        del fixed["components"]["securitySchemes"][name]
    return fixed


def refusals(*codes: str, public: bool = False) -> Document:
    """The responses of an operation of part B that are errors: those of these codes, and those that all have."""
    told = [*codes, *_ALWAYS, *(() if public else ("AUTH_REQUIRED", "AUTH_UNAVAILABLE"))]
    by_status: dict[int, list[str]] = {}
    for code in told:
        status, meaning = _SAID[code]
        by_status.setdefault(status, []).append(f"`{code}`: {meaning}")
    return {str(status): _error("; ".join(by_status[status])) for status in sorted(by_status)}


def _error(description: str) -> Document:
    return {"description": description, "content": _json({"$ref": f"{_SCHEMAS}AgentError"})}


def _of_tool(exposed: ExposedTool, schemas: Document, operation_id: str) -> Document:
    tool = exposed.tool
    example: Mapping[str, object] | None = {}
    try:
        tool.read({})
    except InvalidToolInput:
        example = None
    codes = [code for code in REFUSALS if tool.approval is not None or code != "APPROVAL_REQUIRED"]
    return {
        "tags": [exposed.tag or _TOOLS],
        "summary": tool.id,
        "description": tool.description,
        "operationId": operation_id,
        "requestBody": {
            "required": example is None,
            "content": _json(
                _component(schemas, tool.id, "Input", tool.input), example if tool.example is None else tool.example
            ),
        },
        "responses": {
            "200": {
                "description": "What the tool returned",
                "content": _json(_result(_component(schemas, tool.id, "Output", tool.output))),
            },
            **refusals(*codes),
        },
    }


def _of_route(route: Route, schemas: Document, operation_id: str) -> Document:
    public = {"security": list[object]()} if route.public else {}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in route.parameters
    ]
    output = {"type": "object"} if route.output is None else _component(schemas, operation_id, "Output", route.output)
    operation: Document = {
        "tags": [route.tag or _ROUTES],
        "summary": route.summary or f"{route.method} {route.path}",
        "operationId": operation_id,
        **({"parameters": parameters} if parameters else {}),
    }
    codes = ["ROUTE_ERROR"]
    if route.input is not None:
        body = _json(_component(schemas, operation_id, "Input", route.input))
        operation["requestBody"] = {"required": True, "content": body}
        codes += ["VALIDATION_ERROR", "PAYLOAD_TOO_LARGE"]
    operation["responses"] = {
        "200": {"description": "Done", "content": _json(output)},
        **refusals(*codes, public=route.public),
        "default": _error("An error that the route chose; the message says what to do"),
    }
    return {**operation, **public}


def _component(schemas: Document, owner: str, part: str, model: type[BaseModel]) -> Document:
    """Put the model's schema among the components, and what it refers to; a reference to it.

    Names begin with the owner's, as two plugins may have models of the same one.
    """
    name = f"{owner}.{part}"
    make = input_schema if part == "Input" else output_schema
    schema = make(model, f"{_SCHEMAS}{name}.{{model}}")
    for inner, told in schema.pop("$defs", {}).items():
        schemas[f"{name}.{inner}"] = told
    schemas[name] = schema
    return {"$ref": _SCHEMAS + name}


def _result(schema: Document) -> Document:
    return {"type": "object", "properties": {"result": schema}, "required": ["result"], "additionalProperties": False}


def _json(schema: Document, example: object = None) -> Document:
    return {"application/json": {"schema": schema, **({} if example is None else {"example": example})}}


def _unique(wanted: str, taken: set[str]) -> str:
    """A name for generated code that no other operation has."""
    plain = re.sub(r"\W+", "_", wanted).strip("_")
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    taken.add(name)
    return name


def _tag(methods: Document) -> str:
    return next(iter(methods.values()))["tags"][0]

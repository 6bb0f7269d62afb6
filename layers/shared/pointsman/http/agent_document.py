"""What the document of both APIs has in every bundle, made from the apps. No function loads this."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from .agent_answers import AgentAnswers, AgentError
from .answers import ANSWERS
from .prompt_document import STREAMED, streaming_paths
from .whole_document import AGENT_TAG, Document, refusals

__all__ = ["fixed_document"]

_SERVICES_TAG = "Services API"

_ABOUT = """\
Two APIs in one bundle. The *Agent API* is for people's apps: they discover tools, run them, and follow prompts. Every
tool is an operation of its own here, with its own types. The *Services API* is for the pool manager, which creates and
destroys agent instances. Every answer of both is JSON, errors too, but for streams of events and this documentation."""

_TAGS = [
    {"name": AGENT_TAG, "description": "What there is, and how to call it"},
    {"name": _SERVICES_TAG, "description": "Instances and what belongs to them, for the pool manager"},
]

_SECURITY = {
    "user": {"type": "apiKey", "in": "header", "name": "X-User-Id", "description": "Who is calling the Agent API"},
    "agentKey": {"type": "http", "scheme": "bearer", "description": "AGENT_API_KEY"},
    "token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "A token whose subject is the user; X-User-Id may be left out",
    },
}  # fmt: skip
"""All that callers of the Agent API may have to present; the running document has those that they have to."""

_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "create_instance": {"instanceId": "agent-7", "name": "convos-agent-7", "tools": ["openrouter"]},
    "configure": {"variables": {"XMTP_ENV": "dev"}, "redeploy": False},
    "provision": {"config": {"limit": 20}},
    "status_batch": {"instanceIds": ["agent-7"]},
    "invoke_tool": {"timezone": "UTC"},
    "prompt": {"input": "What time is it?"},
    "approve": {"toolCallId": "call_1"},
    "reject": {"toolCallId": "call_1", "reason": "Not today"},
}
"""Bodies that work, by operation. They are told here, not in the schemas, as they belong together."""

_PARAMETERS = {
    "instanceId": "agent-7",
    "operationId": "op-0123456789abcdef0123456789abcdef",
    "resourceId": "agent-7@agentmail.to",
    "promptId": "prompt-0123456789abcdef0123456789abcdef",
}
_TOOL_IDS = {AGENT_TAG: "time.now", _SERVICES_TAG: "agentmail"}


def fixed_document(apps: Mapping[str, FastAPI | None], services: Document, version: str) -> Document:
    """The document for the prefix /api, without tools and routes of any bundle.

    Args:
        apps: what an endpoint of the Agent API is for, in one line, and its app; None for what streams.
        services: the Services API's own document, which is changed.
        version: of the bundle.
    """
    routes = {purpose: app and _routes(app) for purpose, app in apps.items()}
    abouts = [_about(route) for found in routes.values() for route in found or ()]
    kinds: set[type[Any]] = {about.ok for about in abouts if about.ok is not None}
    taken: set[type[Any]] = {about.body for about in abouts if about.body is not None}
    adapters: list[tuple[type[Any], JsonSchemaMode, TypeAdapter[Any]]] = [
        *((kind, "serialization", TypeAdapter(kind)) for kind in sorted({*kinds, *STREAMED, AgentError}, key=str)),
        *((kind, "validation", TypeAdapter(kind)) for kind in sorted(taken, key=str)),
    ]
    references, made = TypeAdapter.json_schemas(adapters, ref_template="#/components/schemas/{model}")
    paths: Document = {}
    for purpose, found in routes.items():
        if found is None:
            paths |= streaming_paths(lambda kind: references[kind, "serialization"])
        for route in found or ():
            about = _about(route)
            schema = None if about.ok is None else references[about.ok, "serialization"]
            operation = _operation(route, route.summary or purpose, schema)
            if about.body is not None:
                operation["requestBody"] = _body(references[about.body, "validation"])
            paths.setdefault(f"/api{route.path}", {})[next(iter(route.methods or ())).lower()] = operation
    for path, methods in services["paths"].items():
        paths[path] = {method: {"tags": [_SERVICES_TAG], **told} for method, told in methods.items()}
        for told in paths[path].values():
            told.setdefault("security", services["security"])
    for methods in paths.values():
        for told in methods.values():
            _exemplify(told)
    assert not made["$defs"].keys() & services["components"]["schemas"].keys()
    return {
        "openapi": services["openapi"],
        "info": {"title": "Pointsman", "version": version, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": _TAGS,
        "paths": paths,
        "components": {
            "schemas": made["$defs"] | services["components"]["schemas"],
            "securitySchemes": _SECURITY | services["components"]["securitySchemes"],
        },
    }


def _routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


def _operation(route: APIRoute, summary: str, schema: Document | None) -> Document:
    about = _about(route)
    names = re.findall(r"\{(\w+)\}", route.path)
    operation: Document = {"tags": [AGENT_TAG], "summary": summary, "operationId": route.name}
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in names
        ]
    if "VALIDATION_ERROR" in about.codes:
        operation["requestBody"] = {**_body({"type": "object"}), "required": False}
    content: Document = {about.media: {} if schema is None else {"schema": schema}}
    operation["responses"] = {
        "200": {"description": "Done", "content": content},
        **refusals(*about.codes, public=about.public),
    }
    return {**operation, "security": []} if about.public else operation


def _body(schema: Document) -> Document:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _exemplify(operation: Document) -> None:
    example = _EXAMPLES.get(operation["operationId"])
    if example is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example
    examples = {**_PARAMETERS, "toolId": _TOOL_IDS[operation["tags"][0]]}
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in examples:
            parameter["example"] = examples[parameter["name"]]


def _about(route: APIRoute) -> AgentAnswers:
    about: AgentAnswers = (route.openapi_extra or {})[ANSWERS]
    return about

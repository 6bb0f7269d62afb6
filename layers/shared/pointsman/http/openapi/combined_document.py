"""The OpenAPI document of both APIs without a bundle's tools and routes, generated from the apps at build time."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from ..agent_api.models import AgentError
from ..agent_api.prompt_models import Status
from ..agent_api.route_spec import AgentRouteSpec
from ..common import ROUTE_SPEC_KEY
from .chat_paths import build_chat_paths
from .components import SchemaComponents
from .examples import add_examples, add_schema_examples
from .names import camel_case
from .prompt_paths import EVENT_DATA_TYPES, build_prompt_paths
from .schema import (
    AGENT_TAG,
    LICENSE,
    SCHEMA_REF_PREFIX,
    SERVERS,
    SERVICES_TAG,
    Document,
    build_error_responses,
    idempotency_key_parameter,
    json_content,
    path_parameter,
)
from .webhook_messages import USER_MESSAGES, build_webhooks

__all__ = ["generate_combined_document"]

_DESCRIPTION = """\
Two APIs in one bundle. The *Agent API* is for people's apps: they discover tools, run them, and follow prompts. Every
tool is an operation of its own here, with its own types. The *Services API* is for the pool manager, which creates and
destroys agent instances. Every answer of both is JSON, errors too, but for streams of events and this documentation."""

_TAGS = [
    {"name": AGENT_TAG, "description": "What there is, and how to call it"},
    SERVICES_TAG,
]

_MESSAGE_TYPES = [model for model, _ in USER_MESSAGES.values()]

_IDEMPOTENCY_KEY = idempotency_key_parameter(
    "A name of this request, for 24 hours: sent again with it, it gets the answer of the first"
)

_SECURITY_SCHEMES = {
    "user": {"type": "apiKey", "in": "header", "name": "X-User-Id", "description": "Who is calling the Agent API"},
    "agentKey": {"type": "http", "scheme": "bearer", "description": "AGENT_API_KEY"},
    "token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "A token whose subject is the user; X-User-Id may be left out",
    },
}  # fmt: skip
"""The security schemes of all modes of AGENT_AUTH; the runtime document keeps those of the mode that is set."""


def generate_combined_document(apps: Mapping[str, FastAPI | None], services: Document, version: str) -> Document:
    """Generate the document for the prefix /api.

    Args:
        apps: an endpoint's summary to its app, in the document's order; None for the app of the streaming endpoints.
        services: the Services API's document; it is modified.
        version: of the bundle.

    Returns:
        The document, to be packed with the bundle; `generate_runtime_document` completes it.
    """
    routes_by_summary = {summary: app and _list_api_routes(app) for summary, app in apps.items()}
    specs = [_get_route_spec(route) for api_routes in routes_by_summary.values() for route in api_routes or ()]
    response_models: set[type[Any]] = {spec.response_model for spec in specs if spec.response_model is not None}
    request_models: set[type[Any]] = {spec.request_model for spec in specs if spec.request_model is not None}
    adapters: list[tuple[type[Any], JsonSchemaMode, TypeAdapter[Any]]] = [
        *(
            (model, "serialization", TypeAdapter(model))
            for model in sorted({*response_models, *EVENT_DATA_TYPES, *_MESSAGE_TYPES, AgentError}, key=str)
        ),
        *((model, "validation", TypeAdapter(model)) for model in sorted(request_models, key=str)),
    ]
    references, definitions = TypeAdapter.json_schemas(adapters, ref_template=SCHEMA_REF_PREFIX + "{model}")
    schemas: Document = {}
    components = SchemaComponents(schemas, {"PromptStatus": TypeAdapter(Status).json_schema()})
    components.add_all(definitions["$defs"])
    add_schema_examples(schemas)
    paths: Document = {}
    for summary, api_routes in routes_by_summary.items():
        if api_routes is None:
            paths |= build_prompt_paths(components, lambda model: references[model, "serialization"])
            paths |= build_chat_paths()
        for route in api_routes or ():
            spec = _get_route_spec(route)
            schema = None if spec.response_model is None else references[spec.response_model, "serialization"]
            operation = _build_operation(route, route.summary or summary, schema)
            if spec.request_model is not None:
                operation["requestBody"] = _build_request_body(references[spec.request_model, "validation"])
            paths.setdefault(f"/api{route.path}", {})[next(iter(route.methods or ())).lower()] = operation
    webhooks = build_webhooks(USER_MESSAGES, AGENT_TAG, lambda model: references[model, "serialization"])
    for methods in (*paths.values(), *webhooks.values()):
        for path_operation in methods.values():
            components.refer_in_operation(path_operation)
            add_examples(path_operation, schemas)
    for path, methods in services["paths"].items():
        paths[path] = methods
        for path_operation in paths[path].values():
            path_operation.setdefault("security", services["security"])
    # Generators would not tell names apart that differ in case only.
    services_schemas = services["components"]["schemas"]
    assert not {name.lower() for name in schemas} & {name.lower() for name in services_schemas}
    return {
        "openapi": services["openapi"],
        "info": {"title": "Pointsman", "version": version, "description": _DESCRIPTION, "license": LICENSE},
        "servers": SERVERS,
        "tags": _TAGS,
        "paths": paths,
        "webhooks": webhooks | services["webhooks"],
        "components": {
            "schemas": schemas | services_schemas,
            "securitySchemes": _SECURITY_SCHEMES | services["components"]["securitySchemes"],
        },
    }


def _list_api_routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


def _build_operation(route: APIRoute, summary: str, schema: Document | None) -> Document:
    spec = _get_route_spec(route)
    names = re.findall(r"\{(\w+)\}", route.path)
    operation: Document = {"tags": [AGENT_TAG], "summary": summary, "operationId": camel_case(route.name)}
    if names:
        operation["parameters"] = [path_parameter(name) for name in names]
    if spec.accepts_idempotency_key:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    if spec.query_model is not None:
        properties: Document = spec.query_model.model_json_schema()["properties"]
        operation.setdefault("parameters", []).extend(
            {"name": name, "in": "query", "required": False, "schema": property_schema}
            for name, property_schema in properties.items()
        )
    elif "VALIDATION_ERROR" in spec.error_codes and not spec.has_no_body:
        operation["requestBody"] = {**_build_request_body({"type": "object"}), "required": False}
    content: Document = {spec.media_type: {"schema": schema or {"type": "string"}}}
    operation["responses"] = {
        "200": {"description": "Done", "content": content},
        **build_error_responses(*spec.error_codes, public=spec.public),
    }
    return {**operation, "security": []} if spec.public else operation


def _build_request_body(schema: Document) -> Document:
    return {"required": True, "content": json_content(schema)}


def _get_route_spec(route: APIRoute) -> AgentRouteSpec:
    spec: AgentRouteSpec = (route.openapi_extra or {})[ROUTE_SPEC_KEY]
    return spec

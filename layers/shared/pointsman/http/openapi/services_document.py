"""The OpenAPI document of the Services API, generated from its apps at build time."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from ..common import ROUTE_SPEC_KEY
from ..services_api.models import Error, Started
from ..services_api.parameters import TOOL_ID_SCHEMA
from ..services_api.route_spec import RouteSpec
from .components import SchemaComponents
from .example_values import OPERATION_ID
from .examples import add_examples, add_schema_examples
from .names import camel_case
from .schema import LICENSE, SCHEMA_REF_PREFIX, SERVERS, SERVICES_TAG, Document, idempotency_key_parameter
from .webhook_messages import FLEET_MESSAGES, build_webhooks

__all__ = ["generate_services_document"]

_DESCRIPTION = """\
A pool manager creates and destroys agent instances through this API. Every answer is JSON, errors too.
Creating, destroying and provisioning answer 202 if they are not finished after 25 s, and go on.
What changes an instance takes an Idempotency-Key: the same request with the same key is done once."""

_ERRORS: Mapping[int, tuple[str, Mapping[str, str]]] = {
    400: ("The request must change; the message says how", {"INVALID_INPUT": "instanceId and name are required"}),
    401: ("The API key is missing or wrong", {"UNAUTHENTICATED": "Invalid or missing API key"}),
    404: ("There is no such thing", {"NOT_FOUND": "There is no instance agent-7"}),
    409: (
        "The request conflicts with what is there or under way",
        {
            "CONFLICT": "The name convos-agent-7 is that of another instance",
            "FLEET_LIMIT": "The fleet has 1000 instances, and FLEET_MAX_INSTANCES allows 1000: destroy what is not"
            " needed, or raise FLEET_MAX_INSTANCES",
            "DESTROYS_HELD": "Held: 20 instances were destroyed in the last 10 minutes, and 20 are allowed"
            " (DESTROY_HOLD_COUNT)",
            "WEBHOOK_LIMIT": "There are 20 webhooks, and no more are allowed: delete one first",
            "BUSY": "Instance agent-7 is busy: its create has to end first",
            "IDEMPOTENCY_KEY_REUSED": "This Idempotency-Key came with another request",
            "IDEMPOTENCY_IN_PROGRESS": "The first request with this Idempotency-Key is not answered yet",
        },
    ),
    413: ("The body is too large", {"PAYLOAD_TOO_LARGE": "The request body is over the limit of 1024 KiB"}),
    429: ("Too many of the same within a short time", {"RATE_LIMITED": "A webhook has at most 10 tests a minute"}),
    500: (
        "It could not be done; the message says why",
        {
            "OPERATION_FAILED": "OpenRouter: create key: the limit of the account is reached. Nothing is left",
            "INTERNAL_ERROR": "Something unexpected happened; the log tells more",
        },
    ),
    502: ("A provider could not be read, or refused", {"PROVIDER_UNAVAILABLE": "Railway: list services: no answer"}),
    503: (
        "The database or Step Functions cannot be reached, or operators have stopped what is new",
        {
            "DATABASE_UNAVAILABLE": "The database cannot be reached",
            "MAINTENANCE": "New instances and prompts are stopped at present",
        },
    ),
}  # fmt: skip
"""What each status means, and an error's message by its code."""

_MODE: JsonSchemaMode = "serialization"
_IDEMPOTENCY_CODES = ("IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS")
_FLEET_CODES, _WEBHOOK_CODES = ("FLEET_LIMIT", "DESTROYS_HELD", "IDEMPOTENCY_IN_PROGRESS"), ("WEBHOOK_LIMIT",)
_OPERATION_CODES = ("BUSY", "OPERATION_FAILED")
_REQUEST_ID = "9f6f0a4e-3c53-4a52-8d7a-1c0f5c2b7e10"

_LATER = """\
Answers 202 if it is not finished after 25 s; `GET /operations/{operationId}` tells how far it is then."""

_IDEMPOTENCY_KEY = idempotency_key_parameter(
    "A name of this request, for 24 hours: sent again with it, it gets the answer of the first"
)
_REPLAYED_HEADER = {
    "description": "There where a repeat is answered, with what the first did",
    "schema": {"const": "true"},
}


def generate_services_document(apps: Mapping[str, FastAPI], version: str) -> Document:
    """Generate the document, in OpenAPI 3.1.

    Args:
        apps: an endpoint's summary to its app, in the document's order.
        version: of the bundle.
    """
    documented_app = FastAPI(
        title="Pointsman Services API",
        version=version,
        description=_DESCRIPTION,
        license_info=LICENSE,
        servers=SERVERS,
        openapi_tags=[SERVICES_TAG],
    )
    for summary, app in apps.items():
        for route in app.routes:
            if isinstance(route, APIRoute):
                spec: RouteSpec = (route.openapi_extra or {})[ROUTE_SPEC_KEY]
                documented_app.add_api_route(
                    route.path,
                    route.endpoint,
                    methods=[*(route.methods or ())],
                    responses=_build_responses(spec),
                    tags=[SERVICES_TAG["name"]],
                    operation_id=camel_case(route.name),
                    summary=route.summary or summary,
                    description=_LATER if spec.starts_operation else route.description,
                    openapi_extra={"parameters": [_IDEMPOTENCY_KEY]} if _takes_key(spec) else None,
                )
    openapi_document = documented_app.openapi()
    raw_schemas: Document = openapi_document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        raw_schemas.pop(name, None)
    message_adapters: list[tuple[type[Any], JsonSchemaMode, TypeAdapter[Any]]] = [
        (model, _MODE, TypeAdapter(model)) for model, _ in FLEET_MESSAGES.values()
    ]
    references, definitions = TypeAdapter.json_schemas(message_adapters, ref_template=SCHEMA_REF_PREFIX + "{model}")
    openapi_document["webhooks"] = build_webhooks(
        FLEET_MESSAGES, SERVICES_TAG["name"], lambda model: references[model, _MODE]
    )
    schemas: Document = {}
    components = SchemaComponents(schemas, {"ToolId": TOOL_ID_SCHEMA})
    components.add_all(raw_schemas | definitions["$defs"])
    add_schema_examples(schemas)
    for path in (*openapi_document["paths"].values(), *openapi_document["webhooks"].values()):
        for operation in path.values():
            _complete_operation(operation, components)
            add_examples(operation, schemas)
    openapi_document["components"] = {
        "schemas": schemas,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "SERVICES_API_KEY"}},
    }
    openapi_document["security"] = [{"key": []}]
    return openapi_document


def _takes_key(spec: RouteSpec) -> bool:
    return spec.accepts_idempotency_key or spec.has_own_idempotency


def _complete_operation(operation: Document, components: SchemaComponents) -> None:
    # FastAPI documents its own validation error. The apps answer 400 in the contract's format.
    operation["responses"].pop("422", None)
    if operation["operationId"] == "checkHealth":
        operation["security"] = []
        operation["responses"].pop("401")
    components.refer_in_operation(operation)


def _build_responses(spec: RouteSpec) -> dict[int | str, dict[str, Any]]:
    responses: dict[int | str, dict[str, Any]] = {200: {"model": spec.response_model, "description": "Done"}}
    if _takes_key(spec):
        responses[200]["headers"] = {"Idempotent-Replayed": _REPLAYED_HEADER}
    if spec.starts_operation:
        headers = {
            "Location": {"description": "The operation's page", "schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds until it is worth a look", "schema": {"type": "integer"}},
        }
        responses[202] = {"model": Started, "description": "Begun, and not finished yet", "headers": headers}
    left_out = [
        *(() if spec.starts_operation else _OPERATION_CODES),
        *(() if _takes_key(spec) else _IDEMPOTENCY_CODES),
        *(_FLEET_CODES if spec.has_own_idempotency else _WEBHOOK_CODES),
    ]
    for status in sorted({401, 413, 500, *spec.error_statuses}):
        description, messages = _ERRORS[status]
        examples = {
            code: {"value": _make_error_example(code, message)}
            for code, message in messages.items()
            if code not in left_out
        }
        content = {"application/json": {"examples": examples}}
        responses[status] = {"model": Error, "description": description, "content": content}
    return responses


def _make_error_example(code: str, message: str) -> Document:
    operation = {"operationId": OPERATION_ID} if code in _OPERATION_CODES else {}
    return {"error": message, "code": code, **operation, "requestId": _REQUEST_ID}

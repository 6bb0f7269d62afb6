"""The OpenAPI document of the Services API, generated from its apps at build time."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from ..common import ROUTE_SPEC_KEY
from ..services_api.models import Error, Started
from ..services_api.route_spec import RouteSpec
from .schema import Document, idempotency_key_parameter

__all__ = ["generate_services_document"]

_DESCRIPTION = """\
A pool manager creates and destroys agent instances through this API. Every answer is JSON, errors too.
Creating, destroying and provisioning answer 202 if they are not finished after 25 s, and go on.
What changes an instance takes an Idempotency-Key: the same request with the same key is done once."""

_STATUS_DESCRIPTIONS = {
    400: "The request must change; the message says how",
    401: "The API key is missing or wrong",
    404: "There is no such thing",
    409: "The request conflicts with what is there or under way",
    413: "The body is too large",
    500: "It could not be done; the message says why",
    502: "A provider could not be read, or refused",
    503: "The database or Step Functions cannot be reached, or operators have stopped what is new (`MAINTENANCE`)",
}

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
    documented_app = FastAPI(title="Pointsman Services API", version=version, description=_DESCRIPTION)
    for summary, app in apps.items():
        for route in app.routes:
            if isinstance(route, APIRoute):
                spec: RouteSpec = (route.openapi_extra or {})[ROUTE_SPEC_KEY]
                documented_app.add_api_route(
                    route.path,
                    route.endpoint,
                    methods=[*(route.methods or ())],
                    responses=_build_responses(spec),
                    operation_id=route.name,
                    summary=summary,
                    openapi_extra={"parameters": [_IDEMPOTENCY_KEY]} if spec.accepts_idempotency_key else None,
                )
    openapi_document = documented_app.openapi()
    for path in openapi_document["paths"].values():
        for operation in path.values():
            # FastAPI documents its own validation error. The apps answer 400 in the contract's format.
            operation["responses"].pop("422", None)
            if operation["operationId"] == "healthz":
                operation["security"] = []
                operation["responses"].pop("401")
    for name in ("HTTPValidationError", "ValidationError"):
        openapi_document["components"]["schemas"].pop(name, None)
    openapi_document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "SERVICES_API_KEY"}
    }
    openapi_document["security"] = [{"key": []}]
    return openapi_document


def _build_responses(spec: RouteSpec) -> dict[int | str, dict[str, Any]]:
    responses: dict[int | str, dict[str, Any]] = {200: {"model": spec.response_model, "description": "Done"}}
    if spec.accepts_idempotency_key:
        responses[200]["headers"] = {"Idempotent-Replayed": _REPLAYED_HEADER}
    if spec.starts_operation:
        headers = {
            "Location": {"description": "The operation's page", "schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds until it is worth a look", "schema": {"type": "integer"}},
        }
        responses[202] = {"model": Started, "description": "Begun, and not finished yet", "headers": headers}
    for status in sorted({401, 500, *spec.error_statuses}):
        responses[status] = {"model": Error, "description": _STATUS_DESCRIPTIONS[status]}
    return responses

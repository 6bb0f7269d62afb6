"""The FastAPI app and the Lambda handler that every endpoint of the Services API starts from.

Routes return a JSONResponse: FastAPI would build a response model at each cold start, to validate our own output.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from ... import log
from ...actor import set_actor
from ...errors import Forbidden, InvalidInput, PointsmanError, Unauthenticated
from ..common import (
    INVALID_JSON_MESSAGE,
    MAX_ECHOED_CHARS,
    ROUTE_SPEC_KEY,
    GatewayEvent,
    get_authorizer_context,
    make_actor,
    require_authorizer_result,
    require_body_size,
)
from ..error_format import MAINTENANCE_RETRY_AFTER, ErrorFormat
from ..lambda_adapter import LambdaHandler, adapt_asgi_app, create_bare_app, to_json_response, with_deadline
from .route_spec import RouteSpec

__all__ = ["create_app", "lambda_handler"]


def create_app() -> FastAPI:
    """Create an app without routes that answers errors in the Services API's format."""
    return create_bare_app(_ERROR_FORMAT)


def lambda_handler(
    app: FastAPI, *, public_method: str = "", only_reads: bool = False, reading_methods: Container[str] = ()
) -> LambdaHandler:
    """Create the Lambda handler of an app: identity, body limit, and idempotency keys of the routes that accept them.

    Args:
        app: the app, with its routes.
        public_method: the HTTP method that is served without an API key; none if empty.
        only_reads: whether the key that can only read is enough.
        reading_methods: the methods for which it is enough, where it is not for all.
    """
    serve = adapt_asgi_app(app, _ERROR_FORMAT)

    @with_deadline
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        log.set_context(request_id=event["requestContext"]["requestId"])
        # The HTTP API sends names in lower case, `sam local` capitalized.
        event = {**event, "headers": {name.lower(): value for name, value in event.get("headers", {}).items()}}
        set_actor(make_actor(event, "key", str(get_authorizer_context(event).get("caller") or "")))
        try:
            method = event["requestContext"]["http"]["method"]
            if method != public_method:
                _require_caller(event, only_reads=only_reads or method in reading_methods)
            require_body_size(event)
            route = _find_keyed_route(app, event)
            if route is None:
                return serve(event, context)
            from .idempotent_endpoint import serve_idempotently

            return serve_idempotently(
                event, route.starts_operation, lambda claimed_event: serve(claimed_event, context)
            )
        except Exception as error:  # noqa: BLE001 - nothing outside would answer in the contract's shape
            return _to_lambda_response(to_json_response(_ERROR_FORMAT.respond(event, error)))

    return handler


def _find_keyed_route(app: FastAPI, event: GatewayEvent) -> RouteSpec | None:
    """Find the spec of the request's route, if the request has an Idempotency-Key and the route accepts one."""
    if "idempotency-key" not in event.get("headers", ()):
        return None
    method = event["requestContext"]["http"]["method"]
    for route in app.routes:
        if isinstance(route, APIRoute) and method in route.methods:
            spec: RouteSpec | None = (route.openapi_extra or {}).get(ROUTE_SPEC_KEY)
            return spec if spec and spec.accepts_idempotency_key else None
    return None


def _to_lambda_response(response: JSONResponse) -> dict[str, Any]:
    return {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": bytes(response.body).decode(),
    }


def _require_caller(event: GatewayEvent, *, only_reads: bool) -> None:
    require_authorizer_result(event)
    caller = get_authorizer_context(event).get("caller")
    if not caller:
        raise Unauthenticated("Invalid or missing API key")
    if caller != "services" and not only_reads:
        raise Forbidden("This API key can only read")


def _make_body(error: PointsmanError, request_id: str | None) -> dict[str, Any]:
    return {"error": error.message, "code": error.code, **error.details, "requestId": request_id}


def _make_validation_error(issues: Sequence[Mapping[str, Any]]) -> InvalidInput:
    """Describe the first issue in one sentence that says what to change, never the value: it may be a secret."""
    if not issues or issues[0]["type"] == "json_invalid":
        return InvalidInput(INVALID_JSON_MESSAGE)
    first = issues[0]
    where = [str(part)[:MAX_ECHOED_CHARS] for part in first["loc"] if part not in ("body", "path")]
    if not where:
        return InvalidInput("The request body must be a JSON object with Content-Type: application/json")
    rule = _RULES_BY_ISSUE.get(first["type"], "is not valid").format(**first.get("ctx", {}))
    return InvalidInput(f"{'.'.join(where)} {rule}")


_RULES_BY_ISSUE = {
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "extra_forbidden": "is not known",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge:g}",
    "literal_error": "must be {expected}",
    "list_type": "must be a list",
    "missing": "is required",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "string_pattern_mismatch": "must be one line of printable characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_type": "must be a string",
    "value_error": "{error}",
}
"""What a member must be, by pydantic's type of the issue with it. Pydantic's own text is for programmers."""

_ERROR_FORMAT = ErrorFormat(
    _make_body,
    {
        "UNAUTHENTICATED": {"WWW-Authenticate": "Bearer"},
        "IDEMPOTENCY_IN_PROGRESS": {"Retry-After": "2"},
        "MAINTENANCE": {"Retry-After": MAINTENANCE_RETRY_AFTER},
    },
    _make_validation_error,
)
"""The contract's format in part A: `{"error", "code", "requestId"}` and the error's details beside them."""

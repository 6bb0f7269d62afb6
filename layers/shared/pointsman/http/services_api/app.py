"""The app that every endpoint of the Services API is built from.

Routes answer with a JSONResponse: a response model would be built at each cold start, to check what we wrote ourselves.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from ... import log
from ...errors import PointsmanError, Unauthenticated
from ..common import (
    INVALID_JSON_MESSAGE,
    MAX_ECHOED_CHARS,
    GatewayEvent,
    body_size_error,
    describe_routing_error,
    log_if_server_error,
    log_unexpected_error,
)
from ..lambda_adapter import LambdaHandler, adapt_asgi_app, create_bare_app, get_gateway_event
from .models import ROUTE_SPEC_KEY, RouteSpec

__all__ = ["create_app", "lambda_handler"]

_ERROR_HEADERS = {"UNAUTHENTICATED": {"WWW-Authenticate": "Bearer"}, "IDEMPOTENCY_IN_PROGRESS": {"Retry-After": "2"}}
"""Headers of errors, by their code."""


def create_app() -> FastAPI:
    """An app whose errors have the contract's shape."""
    return create_bare_app(
        on_pointsman_error=_handle_pointsman_error,
        on_validation_error=_handle_validation_error,
        on_http_exception=_handle_http_exception,
        on_unexpected_error=_handle_unexpected_error,
    )


def lambda_handler(app: FastAPI, *, public_method: str = "") -> LambdaHandler:
    """The Lambda handler of an app. It refuses callers without identity, but for the method named by `public`.

    Whatever happens inside, the answer is JSON in the contract's shape. A route whose `answers` are `keyed` is served
    once for each Idempotency-Key.
    """
    serve = adapt_asgi_app(app)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        log.set_context(request_id=event["requestContext"]["requestId"])
        access_error = None if event["requestContext"]["http"]["method"] == public_method else _identity_error(event)
        access_error = access_error or body_size_error(event)
        if access_error is not None:
            return _to_lambda_response(_error_response(event, access_error))
        route = _find_keyed_route(app, event)
        if route is None:
            return serve(event, context)
        from .idempotent_endpoint import serve_once

        try:
            return serve_once(event, route.starts_operation, lambda claimed_event: serve(claimed_event, context))
        except PointsmanError as error:
            return _to_lambda_response(_error_response(event, error))
        except Exception as error:  # noqa: BLE001 - nothing outside would answer in the contract's shape
            return _to_lambda_response(_internal_error(event, error))

    return handler


def _find_keyed_route(app: FastAPI, event: GatewayEvent) -> RouteSpec | None:
    """What the route tells of itself, where it and this request have to do with idempotency keys."""
    if "idempotency-key" not in event.get("headers", ()):
        return None
    method = event["requestContext"]["http"]["method"]
    for route in app.routes:
        if isinstance(route, APIRoute) and method in route.methods:
            spec: RouteSpec = (route.openapi_extra or {})[ROUTE_SPEC_KEY]
            return spec if spec.accepts_idempotency_key else None
    return None


def _to_lambda_response(response: JSONResponse) -> dict[str, Any]:
    return {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": bytes(response.body).decode(),
    }


def _identity_error(event: GatewayEvent) -> PointsmanError | None:
    """Identity is what the authorizer says, and nothing else; without it the caller is nobody."""
    authorizer: GatewayEvent = event["requestContext"].get("authorizer") or {}
    context: GatewayEvent = authorizer.get("lambda") or {}
    return None if context.get("caller") else Unauthenticated("Invalid or missing API key")


def _make_error_response(
    event: GatewayEvent, status: int, code: str, message: str, **extras: Mapping[str, Any] | None
) -> JSONResponse:
    """`more`: `details` go into the body, `headers` into the headers."""
    body = {"error": message, "code": code, **(extras.get("details") or {})}
    body["requestId"] = event["requestContext"].get("requestId")
    return JSONResponse(body, status, dict(extras.get("headers") or {}))


def _error_response(event: GatewayEvent, error: PointsmanError) -> JSONResponse:
    log_if_server_error(error)
    headers = _ERROR_HEADERS.get(error.code)
    return _make_error_response(event, error.status, error.code, error.message, details=error.details, headers=headers)


async def _handle_pointsman_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PointsmanError)
    return _error_response(get_gateway_event(request), error)


async def _handle_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    return _internal_error(get_gateway_event(request), error)


def _internal_error(event: GatewayEvent, error: Exception) -> JSONResponse:
    log_unexpected_error(error)
    message = "Internal error; the log tells more of this request id"
    return _make_error_response(event, 500, "INTERNAL_ERROR", message)


async def _handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _make_error_response(get_gateway_event(request), 400, "INVALID_INPUT", _describe_first_issue(error.errors()))


async def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    event = get_gateway_event(request)
    if error.status_code not in (404, 405):
        # The only other one that FastAPI raises itself: a body that cannot be decoded.
        return _make_error_response(event, error.status_code, "INVALID_INPUT", INVALID_JSON_MESSAGE)
    code, message = describe_routing_error(error.status_code, request.method, request.url.path)
    return _make_error_response(event, error.status_code, code, message, headers=error.headers)


def _describe_first_issue(issues: Sequence[Mapping[str, Any]]) -> str:
    """One sentence that says what to change. Never the value itself: it may be a secret."""
    first = issues[0]
    if first["type"] == "json_invalid":
        return INVALID_JSON_MESSAGE
    where = [str(part)[:MAX_ECHOED_CHARS] for part in first["loc"] if part not in ("body", "path")]
    if not where:
        return "The request body must be a JSON object with Content-Type: application/json"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(where)}: {message[:1].lower()}{message[1:]}"

"""FastAPI apps behind API Gateway: the app that endpoints of both APIs start from, and Mangum between it and Lambda.

An execution environment of Lambda serves one request at a time. Routes therefore are `async def` and call the blocking
layer directly: a plain `def` would cost a thread per call.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import deadlines
from ..errors import PointsmanError
from ..metrics import emit_provider_calls
from .common import GatewayEvent
from .error_format import ErrorFormat, ErrorResponse, routing_error

__all__ = [
    "LambdaHandler",
    "adapt_asgi_app",
    "create_bare_app",
    "get_gateway_event",
    "to_json_response",
    "with_deadline",
]

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def create_bare_app(error_format: ErrorFormat) -> FastAPI:
    """Create an app without routes, without FastAPI's own pages, and with every error in the given format."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, strict_content_type=False)

    async def handle_error(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, RequestValidationError):
            error = error_format.make_validation_error(error.errors())
        elif isinstance(error, HTTPException):
            error = _translate_http_exception(request, error, error_format)
        return to_json_response(error_format.respond(get_gateway_event(request), error))

    for error_type in (PointsmanError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(error_type, handle_error)
    return app


def adapt_asgi_app(app: ASGIApp) -> LambdaHandler:
    """Wrap an ASGI app in Mangum, and write the metrics of the provider calls after each request.

    The app gets the request's path with its parameters percent-encoded.
    """

    async def app_without_reraise(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = _encode_path(scope["aws.event"])
        # Starlette raises an unexpected exception again after it has sent the response. It is logged by then, and
        # Mangum would log its text, which may hold a secret.
        with suppress(Exception):
            await app(scope, receive, send)

    serve = Mangum(app_without_reraise, lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return serve(event, context)
        finally:
            emit_provider_calls()

    return handler


def with_deadline(handler: LambdaHandler) -> LambdaHandler:
    """Let the calls of providers, of the database and of AWS end before the endpoint's timeout and API Gateway's.

    What they raise then becomes an answer in the API's shape.
    """

    @wraps(handler)
    def handler_with_deadline(event: dict[str, Any], context: Any) -> dict[str, Any]:
        with deadlines.begin(context, deadlines.ENDPOINT_SECONDS):
            return handler(event, context)

    return handler_with_deadline


def get_gateway_event(request: Request) -> GatewayEvent:
    """Return the gateway event of a request; an event without fields if the request did not come through Lambda."""
    return cast("GatewayEvent", request.scope.get("aws.event") or {"requestContext": {}})


def to_json_response(error: ErrorResponse) -> JSONResponse:
    """Convert an error response to FastAPI's."""
    return JSONResponse(error.body, error.status, error.headers)


def _translate_http_exception(request: Request, error: HTTPException, error_format: ErrorFormat) -> PointsmanError:
    if error.status_code == 404:
        return routing_error(request.method, request.url.path)
    if error.status_code == 405:
        return routing_error(request.method, request.url.path, allow=", ".join(_list_methods(request)))
    # FastAPI itself raises only one other, for a body that cannot be decoded.
    return error_format.make_validation_error(())


def _list_methods(request: Request) -> list[str]:
    """List the methods of all routes of the request's path. Starlette names those of the first one only."""
    app: FastAPI = request.app
    routes = [route for route in app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted(method for route in matching for method in route.methods or ())


def _encode_path(event: GatewayEvent) -> str:
    """Build the path with its parameters percent-encoded, so that a slash in an id does not split it into two segments.

    API Gateway decodes the path. The parameters of the matched route stand in the event one by one, each decoded;
    putting them encoded into the route's path restores what the client sent. That does not work for a greedy parameter
    (`{proxy+}`): it spans segments, and encoded slashes cannot be distinguished from the others.
    """
    route: str = event["routeKey"].partition(" ")[2]
    if not route or "+}" in route:
        return quote(str(event["rawPath"]))
    parameters: dict[str, str] = event.get("pathParameters") or {}
    for name, value in parameters.items():
        route = route.replace("{" + name + "}", quote(value, safe=""))
    return route

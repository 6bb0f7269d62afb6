"""FastAPI apps behind API Gateway: the app that endpoints of both APIs start from, and Mangum between it and Lambda.

An execution environment of Lambda serves one request at a time. Routes therefore are `async def` and call the blocking
layer directly: a plain `def` would cost a thread per call.
"""

import json
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
from ..errors import PointsmanError, ResponseTooLarge
from ..metrics import emit_provider_calls
from ..response_size import MAX_RESPONSE_BYTES, measure_body
from .common import GatewayEvent
from .error_format import ErrorFormat, ErrorResponse, routing_error

__all__ = [
    "AnyTextResponse",
    "LambdaHandler",
    "adapt_asgi_app",
    "create_bare_app",
    "get_gateway_event",
    "to_json_response",
    "with_deadline",
]

_MAX_BODY_BYTES = MAX_RESPONSE_BYTES - 64 * 1024
"""Of a body in the function's response; headers and cookies have the rest."""

_MAX_GROWTH = 6
"""The bytes that a character of a body takes at most: a control character is an escape of six characters."""

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


class AnyTextResponse(JSONResponse):
    """A JSON response with what a model or a tool wrote: halves of surrogate pairs are joined or replaced by U+FFFD.

    They cannot be encoded as UTF-8. A stream writes them as escapes.
    """

    def render(self, content: Any) -> bytes:
        """Encode the content as JSON."""
        try:
            return super().render(content)
        except UnicodeEncodeError:
            text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


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


def adapt_asgi_app(app: ASGIApp, error_format: ErrorFormat) -> LambdaHandler:
    """Wrap an ASGI app in Mangum, and write the metrics of the provider calls after each request.

    The app gets the request's path with its parameters percent-encoded. Instead of a response that is too large for
    Lambda, which the client would see as a 500 without a body, an error is sent.
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
            return _limit_size(event, serve(event, context), error_format)
        finally:
            emit_provider_calls()

    return handler


def _limit_size(event: GatewayEvent, response: dict[str, Any], error_format: ErrorFormat) -> dict[str, Any]:
    body: str = response.get("body") or ""
    if len(body) * _MAX_GROWTH < _MAX_BODY_BYTES or (size := measure_body(body)) <= _MAX_BODY_BYTES:
        return response
    message = f"The request was carried out, but its response has {size} bytes, and {_MAX_BODY_BYTES} can be sent"
    hint = "ask for less of it: a smaller limit, fewer ids, shorter outputs"
    error = error_format.respond(event, ResponseTooLarge(f"{message}; {hint}"))
    headers = {**response["headers"], **error.headers, "content-type": "application/json"}
    headers.pop("content-length", None)
    content = json.dumps(error.body, ensure_ascii=False)
    return {**response, "statusCode": error.status, "headers": headers, "body": content, "isBase64Encoded": False}


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

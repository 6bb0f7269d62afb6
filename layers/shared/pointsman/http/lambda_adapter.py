"""What the endpoints of both APIs share: the bare app, and Mangum between it and Lambda.

One sandbox serves one request at a time, so routes are `async def` that call the blocking layer directly: a plain `def`
would cost a thread at each call.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import PointsmanError
from .common import GatewayEvent

__all__ = ["LambdaHandler", "adapt_asgi_app", "create_bare_app", "get_gateway_event"]

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]
ErrorHandler = Callable[[Request, Exception], Awaitable[JSONResponse]]


def create_bare_app(
    *,
    on_pointsman_error: ErrorHandler,
    on_validation_error: ErrorHandler,
    on_http_exception: ErrorHandler,
    on_unexpected_error: ErrorHandler,
) -> FastAPI:
    """An app without pages of its own. Each argument answers one kind of error: ours, a request that does not fit,
    404 and 405, and all others."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, strict_content_type=False)
    app.add_exception_handler(PointsmanError, on_pointsman_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(Exception, on_unexpected_error)
    return app


def adapt_asgi_app(app: ASGIApp) -> LambdaHandler:
    """What makes a request of the gateway's event and hands the app's answer back.

    The app gets the path with its parameters encoded.
    """

    async def app_without_reraise(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = _encode_path(scope["aws.event"])
        # Starlette raises an unexpected error again after it is answered; it is logged by then, and its text may hold
        # anything.
        with suppress(Exception):
            await app(scope, receive, send)

    return Mangum(app_without_reraise, lifespan="off")


def get_gateway_event(request: Request) -> GatewayEvent:
    """The gateway's event that the request was made of."""
    return cast("GatewayEvent", request.scope.get("aws.event") or {"requestContext": {}})


def _encode_path(event: GatewayEvent) -> str:
    """The path with its parameters encoded, so that a slash in an id does not make two segments of it.

    The gateway hands the path over decoded; what it took for parameters it tells apart from that, but not within a
    greedy one.
    """
    route: str = event["routeKey"].partition(" ")[2]
    if not route or "+}" in route:
        return quote(str(event["rawPath"]))
    parameters: dict[str, str] = event.get("pathParameters") or {}
    for name, value in parameters.items():
        route = route.replace("{" + name + "}", quote(value, safe=""))
    return route

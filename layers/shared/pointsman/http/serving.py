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
from .basics import Event

__all__ = ["Handler", "adapter", "bare_app", "event_of"]

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
Answering = Callable[[Request, Exception], Awaitable[JSONResponse]]


def bare_app(*, known: Answering, invalid: Answering, http: Answering, unexpected: Answering) -> FastAPI:
    """An app without pages of its own. Each argument answers one kind of error: ours, a request that does not fit,
    404 and 405, and all others."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, strict_content_type=False)
    app.add_exception_handler(PointsmanError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
    return app


def adapter(app: ASGIApp) -> Handler:
    """What makes a request of the gateway's event and hands the app's answer back.

    The app gets the path with its parameters encoded.
    """

    async def quiet(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = _path(scope["aws.event"])
        # Starlette raises an unexpected error again after it is answered; it is logged by then, and its text may hold
        # anything.
        with suppress(Exception):
            await app(scope, receive, send)

    return Mangum(quiet, lifespan="off")


def event_of(request: Request) -> Event:
    """The gateway's event that the request was made of."""
    return cast("Event", request.scope.get("aws.event") or {"requestContext": {}})


def _path(event: Event) -> str:
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

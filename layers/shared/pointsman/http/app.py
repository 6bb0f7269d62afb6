"""The app that every endpoint of the Services API is built from.

Routes answer with a JSONResponse: a response model would be built at each cold start, to check what we wrote ourselves.
One sandbox serves one request at a time, so routes are `async def` that call the blocking layer directly: a plain `def`
would cost a thread at each call.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from mangum import Mangum
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from .. import log
from ..errors import PayloadTooLarge, PointsmanError, Unauthenticated
from .answers import ANSWERS, Answers

__all__ = ["MAX_BODY_BYTES", "create_app", "lambda_handler"]

MAX_BODY_BYTES = 1024 * 1024
"""No request of the Services API is near this; the gateway's own limit is 10 MB."""

_LONGEST = 200
"""Characters of what a client sent that a message repeats."""

_NO_JSON = "The request body is not valid JSON"

_HEADERS = {"UNAUTHENTICATED": {"WWW-Authenticate": "Bearer"}, "IDEMPOTENCY_IN_PROGRESS": {"Retry-After": "2"}}
"""Headers of errors, by their code."""

Event = Mapping[str, Any]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def create_app() -> FastAPI:
    """An app whose errors have the contract's shape."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, strict_content_type=False)
    app.add_exception_handler(PointsmanError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
    return app


def lambda_handler(app: FastAPI, *, public: str = "") -> Handler:
    """The Lambda handler of an app. It refuses callers without identity, but for the method named by `public`.

    Whatever happens inside, the answer is JSON in the contract's shape. A route whose `answers` are `keyed` is served
    once for each Idempotency-Key.
    """

    async def quiet(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = _path(scope["aws.event"])
        # Starlette raises an unexpected error again after it is answered; it is logged by then, and its text may hold
        # anything.
        with suppress(Exception):
            await app(scope, receive, send)

    adapter = Mangum(quiet, lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        log.about(request_id=event["requestContext"]["requestId"])
        refusal = None if event["requestContext"]["http"]["method"] == public else _stranger(event)
        refusal = refusal or _oversize(event)
        if refusal is not None:
            return _sent(_answer(event, refusal))
        route = _keyed(app, event)
        if route is None:
            return adapter(event, context)
        from .idempotency import once

        try:
            return once(event, route.starts, lambda: adapter(event, context))
        except PointsmanError as error:
            return _sent(_answer(event, error))
        except Exception as error:  # noqa: BLE001 - nothing outside would answer in the contract's shape
            return _sent(_surprise(event, error))

    return handler


def _keyed(app: FastAPI, event: Event) -> Answers | None:
    """What the route tells of itself, where it and this request have to do with idempotency keys."""
    if "idempotency-key" not in event.get("headers", ()):
        return None
    method = event["requestContext"]["http"]["method"]
    for route in app.routes:
        if isinstance(route, APIRoute) and method in route.methods:
            told: Answers = (route.openapi_extra or {})[ANSWERS]
            return told if told.keyed else None
    return None


def _sent(answer: JSONResponse) -> dict[str, Any]:
    return {"statusCode": answer.status_code, "headers": dict(answer.headers), "body": bytes(answer.body).decode()}


def _path(event: Event) -> str:
    """The path with its parameters encoded, so that a slash in an id does not make two segments of it.

    The gateway hands the path over decoded; what it took for parameters it tells apart from that.
    """
    route: str = event["routeKey"].partition(" ")[2]
    if not route:
        return quote(str(event["rawPath"]))
    parameters: dict[str, str] = event.get("pathParameters") or {}
    for name, value in parameters.items():
        route = route.replace("{" + name + "}", quote(value, safe=""))
    return route


def _stranger(event: Event) -> PointsmanError | None:
    """Identity is what the authorizer says, and nothing else; without it the caller is nobody."""
    authorizer: Event = event["requestContext"].get("authorizer") or {}
    context: Event = authorizer.get("lambda") or {}
    return None if context.get("caller") else Unauthenticated("Invalid or missing API key")


def _oversize(event: Event) -> PointsmanError | None:
    if len(event.get("body") or "") <= MAX_BODY_BYTES:
        return None
    return PayloadTooLarge(f"The request body is over the limit of {MAX_BODY_BYTES // 1024} KiB")


def _event(request: Request) -> Event:
    return cast("Event", request.scope.get("aws.event") or {"requestContext": {}})


def _error(event: Event, status: int, code: str, message: str, **more: Mapping[str, Any] | None) -> JSONResponse:
    """`more`: `details` go into the body, `headers` into the headers."""
    body = {"error": message, "code": code, **(more.get("details") or {})}
    body["requestId"] = event["requestContext"].get("requestId")
    return JSONResponse(body, status, dict(more.get("headers") or {}))


def _answer(event: Event, error: PointsmanError) -> JSONResponse:
    if error.status >= 500:
        log.say("error", "request failed", code=error.code, reason=error.message)
    headers = _HEADERS.get(error.code)
    return _error(event, error.status, error.code, error.message, details=error.details, headers=headers)


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PointsmanError)
    return _answer(_event(request), error)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    return _surprise(_event(request), error)


def _surprise(event: Event, error: Exception) -> JSONResponse:
    # Its message may hold anything, a secret too: only its kind and place are told.
    place = "".join(traceback.format_tb(error.__traceback__))
    log.say("error", "unexpected error", error=type(error).__name__, place=place)
    message = "Internal error; the log tells more of this request id"
    return _error(event, 500, "INTERNAL_ERROR", message)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _error(_event(request), 400, "INVALID_INPUT", _explain(error.errors()))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    method, path, event = request.method, request.url.path[:_LONGEST], _event(request)
    if error.status_code == 405:
        message = f"{method} is not allowed on {path}"
        return _error(event, 405, "METHOD_NOT_ALLOWED", message, headers=error.headers)
    if error.status_code == 404:
        return _error(event, 404, "NOT_FOUND", f"There is no {method} {path}")
    # The only other one that FastAPI raises itself: a body that cannot be decoded.
    return _error(event, error.status_code, "INVALID_INPUT", _NO_JSON)


def _explain(issues: Sequence[Mapping[str, Any]]) -> str:
    """One sentence that says what to change. Never the value itself: it may be a secret."""
    first = issues[0]
    if first["type"] == "json_invalid":
        return _NO_JSON
    where = [str(part)[:_LONGEST] for part in first["loc"] if part not in ("body", "path")]
    if not where:
        return "The request body must be a JSON object with Content-Type: application/json"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(where)}: {message[:1].lower()}{message[1:]}"

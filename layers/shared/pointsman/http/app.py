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

from .. import log
from ..errors import PointsmanError, Unauthenticated
from .answers import ANSWERS, Answers
from .basics import LONGEST, NO_JSON, Event, log_failure, log_surprise, oversize, unrouted
from .serving import Handler, adapter, bare_app, event_of

__all__ = ["create_app", "lambda_handler"]

_HEADERS = {"UNAUTHENTICATED": {"WWW-Authenticate": "Bearer"}, "IDEMPOTENCY_IN_PROGRESS": {"Retry-After": "2"}}
"""Headers of errors, by their code."""


def create_app() -> FastAPI:
    """An app whose errors have the contract's shape."""
    return bare_app(known=_known, invalid=_invalid, http=_http, unexpected=_unexpected)


def lambda_handler(app: FastAPI, *, public: str = "") -> Handler:
    """The Lambda handler of an app. It refuses callers without identity, but for the method named by `public`.

    Whatever happens inside, the answer is JSON in the contract's shape. A route whose `answers` are `keyed` is served
    once for each Idempotency-Key.
    """
    serve = adapter(app)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        log.about(request_id=event["requestContext"]["requestId"])
        refusal = None if event["requestContext"]["http"]["method"] == public else _stranger(event)
        refusal = refusal or oversize(event)
        if refusal is not None:
            return _sent(_answer(event, refusal))
        route = _keyed(app, event)
        if route is None:
            return serve(event, context)
        from .idempotency import once

        try:
            return once(event, route.starts, lambda: serve(event, context))
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


def _stranger(event: Event) -> PointsmanError | None:
    """Identity is what the authorizer says, and nothing else; without it the caller is nobody."""
    authorizer: Event = event["requestContext"].get("authorizer") or {}
    context: Event = authorizer.get("lambda") or {}
    return None if context.get("caller") else Unauthenticated("Invalid or missing API key")


def _error(event: Event, status: int, code: str, message: str, **more: Mapping[str, Any] | None) -> JSONResponse:
    """`more`: `details` go into the body, `headers` into the headers."""
    body = {"error": message, "code": code, **(more.get("details") or {})}
    body["requestId"] = event["requestContext"].get("requestId")
    return JSONResponse(body, status, dict(more.get("headers") or {}))


def _answer(event: Event, error: PointsmanError) -> JSONResponse:
    log_failure(error)
    headers = _HEADERS.get(error.code)
    return _error(event, error.status, error.code, error.message, details=error.details, headers=headers)


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PointsmanError)
    return _answer(event_of(request), error)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    return _surprise(event_of(request), error)


def _surprise(event: Event, error: Exception) -> JSONResponse:
    log_surprise(error)
    message = "Internal error; the log tells more of this request id"
    return _error(event, 500, "INTERNAL_ERROR", message)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _error(event_of(request), 400, "INVALID_INPUT", _explain(error.errors()))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    event = event_of(request)
    if error.status_code not in (404, 405):
        # The only other one that FastAPI raises itself: a body that cannot be decoded.
        return _error(event, error.status_code, "INVALID_INPUT", NO_JSON)
    code, message = unrouted(error.status_code, request.method, request.url.path)
    return _error(event, error.status_code, code, message, headers=error.headers)


def _explain(issues: Sequence[Mapping[str, Any]]) -> str:
    """One sentence that says what to change. Never the value itself: it may be a secret."""
    first = issues[0]
    if first["type"] == "json_invalid":
        return NO_JSON
    where = [str(part)[:LONGEST] for part in first["loc"] if part not in ("body", "path")]
    if not where:
        return "The request body must be a JSON object with Content-Type: application/json"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(where)}: {message[:1].lower()}{message[1:]}"

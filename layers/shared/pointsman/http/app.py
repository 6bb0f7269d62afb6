"""The app that every endpoint of the Services API is built from.

One sandbox serves one request at a time, so routes are `async def` that call the blocking layer directly: a plain `def`
would cost a thread at each call.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from aws_lambda_powertools import Logger
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException

from ..errors import PayloadTooLarge, PointsmanError, Unauthenticated

__all__ = ["MAX_BODY_BYTES", "create_app", "lambda_handler"]

MAX_BODY_BYTES = 1024 * 1024
"""No request of the Services API is near this; the gateway's own limit is 10 MB."""

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
logger = Logger(service="pointsman")


def create_app(*, public: bool = False) -> FastAPI:
    """An app whose errors have the contract's shape, and that refuses callers without identity unless `public`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, strict_content_type=False)
    app.add_exception_handler(PointsmanError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.middleware("http")(_admit(public))
    return app


def lambda_handler(app: FastAPI) -> Handler:
    """The Lambda handler of an app."""
    adapter = Mangum(app, lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        logger.clear_state()
        logger.append_keys(request_id=event["requestContext"]["requestId"])
        return adapter(event, context)

    return handler


def _admit(public: bool) -> Callable[[Request, Callable[[Request], Awaitable[Any]]], Awaitable[Any]]:
    """Middleware: identity first, then size, then the route; what breaks unexpectedly still answers JSON."""

    async def admit(request: Request, call_next: Callable[[Request], Awaitable[Any]]) -> Any:
        try:
            if not public and not _caller(request):
                raise Unauthenticated("Invalid or missing API key")
            if len(await request.body()) > MAX_BODY_BYTES:
                raise PayloadTooLarge(f"The request body is over the limit of {MAX_BODY_BYTES // 1024} KiB")
            return await call_next(request)
        except PointsmanError as error:
            return await _known(request, error)
        except Exception as error:
            logger.exception("unexpected error", extra={"error": type(error).__name__})
            return _error(request, 500, "INTERNAL_ERROR", "Internal error; the log of this request id tells more")

    return admit


def _event(request: Request) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", request.scope.get("aws.event") or {})


def _caller(request: Request) -> str:
    """Who the authorizer says is calling. Nothing else is believed; empty means nobody."""
    authorizer: Mapping[str, Any] = _event(request).get("requestContext", {}).get("authorizer") or {}
    context: Mapping[str, Any] = authorizer.get("lambda") or {}
    return str(context.get("caller") or "")


def _error(
    request: Request,
    status: int,
    code: str,
    message: str,
    details: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    request_id = _event(request).get("requestContext", {}).get("requestId")
    body = {"error": message, "code": code, **(details or {}), "requestId": request_id}
    return JSONResponse(body, status, dict(headers or {}))


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PointsmanError)
    if error.status >= 500:
        logger.error("request failed", extra={"code": error.code, "reason": error.message})
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return _error(request, error.status, error.code, error.message, error.details, headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _error(request, 400, "INVALID_INPUT", _explain(error.errors()))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    method, path = request.method, request.url.path
    if error.status_code == 405:
        message = f"{method} is not allowed on {path}"
        return _error(request, 405, "METHOD_NOT_ALLOWED", message, headers=error.headers)
    if error.status_code == 404:
        return _error(request, 404, "NOT_FOUND", f"There is no {method} {path}")
    return _error(request, error.status_code, "INVALID_INPUT", str(error.detail), headers=error.headers)


def _explain(issues: Sequence[Mapping[str, Any]]) -> str:
    """One sentence that says what to change. Never the value itself: it may be a secret."""
    first = issues[0]
    if first["type"] == "json_invalid":
        return "The request body is not valid JSON"
    where = [str(part) for part in first["loc"] if part != "body"]
    if not where:
        return "The request body must be a JSON object with Content-Type: application/json"
    return f"{'.'.join(where)}: {str(first['msg'])[:1].lower()}{str(first['msg'])[1:]}"

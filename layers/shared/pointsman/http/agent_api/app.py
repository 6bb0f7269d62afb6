"""The app that every endpoint of the Agent API is built from: who is calling, errors in part B's shape, CORS.

Routes are written without the prefix; the app serves them under it.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from ... import log
from ...errors import PointsmanError
from ...settings.api import load_api_prefix
from ..common import INVALID_JSON_MESSAGE, GatewayEvent, body_size_error
from ..lambda_adapter import LambdaHandler, adapt_asgi_app, create_bare_app, get_gateway_event
from .cors import add_cors
from .errors import (
    ErrorResponse,
    error_response,
    identity_error,
    internal_error,
    make_error_response,
    routing_error,
)
from .json_body import parse_json_body

__all__ = ["create_app", "get_user_id", "lambda_handler", "read_json_body"]


def create_app() -> FastAPI:
    """An app whose errors have the contract's shape for part B."""
    return create_bare_app(
        on_pointsman_error=_handle_pointsman_error,
        on_validation_error=_handle_validation_error,
        on_http_exception=_handle_http_exception,
        on_unexpected_error=_handle_unexpected_error,
    )


def _is_never_public(_scope: Scope) -> bool:
    return False


def lambda_handler(app: FastAPI, is_public: Callable[[Scope], bool] = _is_never_public) -> LambdaHandler:
    """The Lambda handler of an app. It refuses callers without identity, but for the requests that `admits` names.

    Whatever happens inside, the answer is JSON in the contract's shape, and says its request's id.
    """

    async def authenticated_app(scope: Scope, receive: Receive, send: Send) -> None:
        event: GatewayEvent = scope["aws.event"]
        try:
            scope["root_path"] = load_api_prefix()
            access_error = None if is_public(scope) else identity_error(_get_identity(event))
            access_error = access_error or body_size_error(event)
        except PointsmanError as error:
            access_error = error
        await (app if access_error is None else _to_json_response(error_response(access_error)))(scope, receive, send)

    serve = adapt_asgi_app(add_cors(authenticated_app))

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        request_id = str(event["requestContext"]["requestId"])
        log.set_context(request_id=request_id)
        response = serve(event, context)
        response["headers"]["x-request-id"] = request_id
        if event["requestContext"]["http"]["method"] == "HEAD":
            response["body"] = ""
        return response

    return handler


def get_user_id(request: Request) -> str:
    """Who is calling; empty where a public route is called by nobody."""
    return str(_get_identity(get_gateway_event(request)).get("user") or "")


async def read_json_body(request: Request) -> object:
    """The body as parsed JSON, whatever its type is said to be; an empty one is an empty object.

    Raises InvalidToolInput.
    """
    return parse_json_body(await request.body())


def _get_identity(event: GatewayEvent) -> GatewayEvent:
    """What the authorizer says, and nothing else, is who is calling."""
    authorizer: GatewayEvent = event["requestContext"].get("authorizer") or {}
    return authorizer.get("lambda") or {}


def _to_json_response(response: ErrorResponse) -> JSONResponse:
    return JSONResponse(response.body, response.status, response.headers)


async def _handle_pointsman_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PointsmanError)
    return _to_json_response(error_response(error))


async def _handle_unexpected_error(_request: Request, error: Exception) -> JSONResponse:
    return _to_json_response(internal_error(error))


async def _handle_validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    issues = [{"path": list(one["loc"][1:]), "message": one["msg"]} for one in error.errors()]
    return _to_json_response(make_error_response(422, "VALIDATION_ERROR", "The request is not valid", issues))


async def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code not in (404, 405):
        # The only other one that FastAPI raises itself: a body that cannot be decoded.
        return _to_json_response(make_error_response(422, "VALIDATION_ERROR", INVALID_JSON_MESSAGE))
    return _to_json_response(routing_error(error.status_code, request.method, request.url.path, error.headers))

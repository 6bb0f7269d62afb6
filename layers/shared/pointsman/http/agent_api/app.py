"""The FastAPI app and the Lambda handler that every endpoint of the Agent API starts from, but for the streaming ones.

Routes are declared without the prefix (API_PREFIX); the handler serves them under it.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ... import log
from ...actor import set_actor
from ...errors import PointsmanError
from ...settings.api import load_api_prefix
from .. import common
from ..common import GatewayEvent, get_authorizer_context, make_actor, require_body_size
from ..lambda_adapter import (
    LambdaHandler,
    adapt_asgi_app,
    create_bare_app,
    get_gateway_event,
    to_json_response,
    with_deadline,
)
from .cors import add_cors
from .errors import ERROR_FORMAT, require_identity
from .json_body import parse_json_body

__all__ = ["create_app", "get_permissions", "get_user_id", "lambda_handler", "read_json_body"]


def create_app() -> FastAPI:
    """Create an app without routes that answers errors in the Agent API's format."""
    return create_bare_app(ERROR_FORMAT)


def _is_never_public(_scope: Scope) -> bool:
    return False


def lambda_handler(app: FastAPI, is_public: Callable[[Scope], bool] = _is_never_public) -> LambdaHandler:
    """Create the Lambda handler of an app: identity, body limit, CORS, and `X-Request-Id` in every response.

    Args:
        app: the app, with its routes.
        is_public: whether a request (an ASGI scope) is served without an authenticated user.
    """

    async def authenticated_app(scope: Scope, receive: Receive, send: Send) -> None:
        event: GatewayEvent = scope["aws.event"]
        target: ASGIApp = app
        try:
            scope["root_path"] = load_api_prefix()
            if not is_public(scope):
                require_identity(event)
            require_body_size(event)
        except PointsmanError as error:
            target = to_json_response(ERROR_FORMAT.respond(event, error))
        await target(scope, receive, send)

    serve = adapt_asgi_app(add_cors(authenticated_app), ERROR_FORMAT)

    @with_deadline
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        request_id = str(event["requestContext"]["requestId"])
        log.set_context(request_id=request_id)
        set_actor(make_actor(event, "user", str(get_authorizer_context(event).get("user") or "")))
        response = serve(event, context)
        response["headers"]["x-request-id"] = request_id
        if event["requestContext"]["http"]["method"] == "HEAD":
            response["body"] = ""
        return response

    return handler


def get_user_id(request: Request) -> str:
    """Return the id of the authenticated user; empty where a public route is called without one."""
    return str(get_authorizer_context(get_gateway_event(request)).get("user") or "")


def get_permissions(request: Request) -> tuple[str, ...]:
    """Return what the authenticated user may do."""
    return common.get_permissions(get_gateway_event(request))


async def read_json_body(request: Request) -> object:
    """Read a request's body as JSON, whatever its Content-Type. An empty body is an empty object.

    Raises:
        InvalidToolInput: the body is not JSON.
    """
    return parse_json_body(await request.body())

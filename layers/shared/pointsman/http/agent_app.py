"""The app that every endpoint of the Agent API is built from: who is calling, errors in part B's shape, CORS.

Routes are written without the prefix; the app serves them under it.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import log
from ..errors import PointsmanError
from ..settings.agent import api_prefix
from .agent_refusals import Refusal, json_of, refusal, shaped, stranger, surprise, unknown_route, with_cors
from .basics import NO_JSON, Event, oversize
from .serving import Handler, adapter, bare_app, event_of

__all__ = ["body_of", "create_app", "lambda_handler", "user_of"]


def create_app() -> FastAPI:
    """An app whose errors have the contract's shape for part B."""
    return bare_app(known=_known, invalid=_invalid, http=_http, unexpected=_unexpected)


def _none(_scope: Scope) -> bool:
    return False


def lambda_handler(app: FastAPI, admits: Callable[[Scope], bool] = _none) -> Handler:
    """The Lambda handler of an app. It refuses callers without identity, but for the requests that `admits` names.

    Whatever happens inside, the answer is JSON in the contract's shape, and says its request's id.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        event: Event = scope["aws.event"]
        try:
            scope["root_path"] = api_prefix()
            refused = None if admits(scope) else stranger(_identity(event))
            refused = refused or oversize(event)
        except PointsmanError as error:
            refused = error
        await (app if refused is None else _answer(refusal(refused)))(scope, receive, send)

    served: ASGIApp | None = None

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal served
        served = served or with_cors(guarded)
        await served(scope, receive, send)

    serve = adapter(whole)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        request_id = str(event["requestContext"]["requestId"])
        log.about(request_id=request_id)
        answer = serve(event, context)
        answer["headers"]["x-request-id"] = request_id
        if event["requestContext"]["http"]["method"] == "HEAD":
            answer["body"] = ""
        return answer

    return handler


def user_of(request: Request) -> str:
    """Who is calling; empty where a public route is called by nobody."""
    return str(_identity(event_of(request)).get("user") or "")


async def body_of(request: Request) -> object:
    """The body as parsed JSON, whatever its type is said to be; an empty one is an empty object.

    Raises InvalidToolInput.
    """
    return json_of(await request.body())


def _identity(event: Event) -> Event:
    """What the authorizer says, and nothing else, is who is calling."""
    authorizer: Event = event["requestContext"].get("authorizer") or {}
    return authorizer.get("lambda") or {}


def _answer(refused: Refusal) -> JSONResponse:
    return JSONResponse(refused.body, refused.status, refused.headers)


async def _known(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PointsmanError)
    return _answer(refusal(error))


async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    return _answer(surprise(error))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    issues = [{"path": list(one["loc"][1:]), "message": one["msg"]} for one in error.errors()]
    return _answer(shaped(422, "VALIDATION_ERROR", "The request is not valid", issues))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code not in (404, 405):
        # The only other one that FastAPI raises itself: a body that cannot be decoded.
        return _answer(shaped(422, "VALIDATION_ERROR", NO_JSON))
    return _answer(unknown_route(error.status_code, request.method, request.url.path, error.headers))

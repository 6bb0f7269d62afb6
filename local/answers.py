"""What a client gets for what a function answers, or for its failure."""

import base64
import json
from typing import Any

from aiohttp import web

from local.apis import RestApi
from local.events import HttpRequest
from local.invocation import Result
from local.plain import items, mapping
from local.rest_events import is_binary
from local.streams import Prelude, headers_of

# Set by the gateway itself, whatever a function says.
_OWN_HEADERS = {"content-length", "connection", "transfer-encoding", "keep-alive", "date", "server"}


class Refusal(Exception):
    """The gateway answers by itself: in the contract's shape, with AWS's status and message."""

    def __init__(self, status: int, error: str, message: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "message": message or error}


def http_answer(result: Result) -> web.Response:
    """An HTTP API's, by the rules of payload format 2.0.

    Raises:
        Refusal: the function failed, or its answer is not one.
    """
    failure = Refusal(500, "Internal Server Error")
    if result.error is not None:
        raise failure
    try:
        answer = json.loads(result.payload)
    except ValueError:
        raise failure from None
    fields = mapping(answer)
    if "statusCode" not in fields:
        text = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
        return web.Response(body=text.encode(), content_type="application/json")
    try:
        return _explicit(fields)
    except (TypeError, ValueError, AttributeError):
        raise failure from None


def rest_answer(result: Result, request: HttpRequest, api: RestApi) -> web.Response:
    """A REST API's, by the rules of payload format 1.0: what does not fit it is a 502.

    Raises:
        Refusal: the function failed, or its answer is not one.
    """
    failure = Refusal(502, "Internal server error")
    if result.error is not None:
        raise failure
    try:
        fields = mapping(json.loads(result.payload))
        body, status = fields.get("body"), int(fields["statusCode"])
        if not 200 <= status <= 599 or not isinstance(body, (str, type(None))):
            raise failure
        data = (body or "").encode()
        if fields.get("isBase64Encoded") and is_binary(api, request.header("accept")):
            data = base64.b64decode(data, validate=True)
    except (KeyError, TypeError, ValueError):
        raise failure from None
    response = web.Response(status=status, body=None if status in (204, 304) else data)
    _add_headers(response, [*headers_of(fields)], "application/json")
    return response


def streamed_answer(prelude: Prelude) -> web.StreamResponse:
    """A streamed answer as far as its prelude tells it."""
    response = web.StreamResponse(status=prelude.status)
    _add_headers(response, list(prelude.headers), "application/octet-stream")
    return response


def _explicit(fields: dict[str, Any]) -> web.Response:
    status = int(fields["statusCode"])
    if not 200 <= status <= 599:
        raise ValueError("status out of range")
    body = fields.get("body")
    data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if fields.get("isBase64Encoded"):
        data = base64.b64decode(data, validate=True)
    response = web.Response(status=status, body=None if status in (204, 304) else data)
    headers = {str(name).lower(): value for name, value in mapping(fields.get("headers")).items()}
    headers.setdefault("content-type", "text/plain;charset=UTF-8")
    for name, value in headers.items():
        if name not in _OWN_HEADERS:
            response.headers[name] = str(value).lower() if isinstance(value, bool) else str(value)
    for cookie in items(fields.get("cookies")):
        response.headers.add("Set-Cookie", str(cookie))
    return response


def _add_headers(response: web.StreamResponse, headers: list[tuple[str, str]], content_type: str) -> None:
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", content_type))
    for name, value in headers:
        if name not in _OWN_HEADERS:
            response.headers.add(name, value)

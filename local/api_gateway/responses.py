"""What a client gets for what a function answers, or for its failure."""

import base64
import json
from typing import Any

from aiohttp import web

from local.api_gateway.http_api_events import HttpRequest
from local.api_gateway.rest_api_events import is_binary_media_type
from local.json_values import list_or_empty, mapping_or_empty
from local.lambda_service.invocation import InvocationResult
from local.lambda_service.response_stream import Prelude, collect_headers
from local.template.apis import RestApi

# Set by the gateway itself, whatever a function says.
_GATEWAY_HEADERS = {"content-length", "connection", "transfer-encoding", "keep-alive", "date", "server"}


class GatewayError(Exception):
    """The gateway answers by itself: in the contract's shape, with AWS's status and message."""

    def __init__(self, status: int, error: str, message: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "message": message or error}


def build_http_api_response(result: InvocationResult) -> web.Response:
    """An HTTP API's, by the rules of payload format 2.0.

    Raises:
        Refusal: the function failed, or its answer is not one.
    """
    error = GatewayError(500, "Internal Server Error")
    if result.error is not None:
        raise error
    try:
        output = json.loads(result.payload)
    except ValueError:
        raise error from None
    fields = mapping_or_empty(output)
    if "statusCode" not in fields:
        text = output if isinstance(output, str) else json.dumps(output, separators=(",", ":"))
        return web.Response(body=text.encode(), content_type="application/json")
    try:
        return _build_explicit_response(fields)
    except (TypeError, ValueError, AttributeError):
        raise error from None


def build_rest_api_response(result: InvocationResult, request: HttpRequest, api: RestApi) -> web.Response:
    """A REST API's, by the rules of payload format 1.0: what does not fit it is a 502.

    Raises:
        Refusal: the function failed, or its answer is not one.
    """
    error = GatewayError(502, "Internal server error")
    if result.error is not None:
        raise error
    try:
        fields = mapping_or_empty(json.loads(result.payload))
        body, status = fields.get("body"), int(fields["statusCode"])
        if not 200 <= status <= 599 or not isinstance(body, (str, type(None))):
            raise error
        data = (body or "").encode()
        if fields.get("isBase64Encoded") and is_binary_media_type(api, request.header("accept")):
            data = base64.b64decode(data, validate=True)
    except (KeyError, TypeError, ValueError):
        raise error from None
    response = web.Response(status=status, body=None if status in (204, 304) else data)
    _add_headers(response, [*collect_headers(fields)], "application/json")
    return response


def build_streaming_response(prelude: Prelude) -> web.StreamResponse:
    """A streamed answer as far as its prelude tells it."""
    response = web.StreamResponse(status=prelude.status)
    _add_headers(response, list(prelude.headers), "application/octet-stream")
    return response


def _build_explicit_response(fields: dict[str, Any]) -> web.Response:
    status = int(fields["statusCode"])
    if not 200 <= status <= 599:
        raise ValueError("status out of range")
    body = fields.get("body")
    data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if fields.get("isBase64Encoded"):
        data = base64.b64decode(data, validate=True)
    response = web.Response(status=status, body=None if status in (204, 304) else data)
    headers = {str(name).lower(): value for name, value in mapping_or_empty(fields.get("headers")).items()}
    headers.setdefault("content-type", "text/plain;charset=UTF-8")
    for name, value in headers.items():
        if name not in _GATEWAY_HEADERS:
            response.headers[name] = str(value).lower() if isinstance(value, bool) else str(value)
    for cookie in list_or_empty(fields.get("cookies")):
        response.headers.add("Set-Cookie", str(cookie))
    return response


def _add_headers(response: web.StreamResponse, headers: list[tuple[str, str]], content_type: str) -> None:
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", content_type))
    for name, value in headers:
        if name not in _GATEWAY_HEADERS:
            response.headers.add(name, value)

"""HTTP responses of the gateway: from a function's response, or the gateway's own error."""

import base64
import json
from typing import Any

from aiohttp import web

from local.api_gateway.http_request import HttpRequest
from local.api_gateway.prelude import Prelude, collect_headers
from local.api_gateway.rest_api_events import is_binary_media_type
from local.json_values import list_or_empty, mapping_or_empty, scalar_to_text
from local.lambda_service.invocation import InvocationResult
from local.template.apis import RestApi

_GATEWAY_HEADERS = {"content-length", "connection", "transfer-encoding", "keep-alive", "date", "server"}
"""Headers that the gateway sets itself; a function's values for them are dropped."""


class GatewayError(Exception):
    """A request that the gateway answers itself, with AWS's status and message in the error shape of the contract.

    Args:
        status: HTTP status.
        error: Value of `error` in the body.
        message: Value of `message` in the body; by default the same as `error`.
    """

    def __init__(self, status: int, error: str, message: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "message": message or error}

    def build_response(self, request_id: str) -> web.Response:
        """Build the response that the client gets."""
        return web.json_response({**self.body, "requestId": request_id}, status=self.status)


def build_http_api_response(result: InvocationResult) -> web.Response:
    """Build an HTTP API's response by the rules of payload format 2.0.

    Raises:
        GatewayError: 500; the function failed, or its response does not fit the format.
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
    """Build a REST API's response by the rules of payload format 1.0.

    Raises:
        GatewayError: 502; the function failed, or its response does not fit the format.
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
    """Build the head of a streamed response from its prelude."""
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
            response.headers[name] = scalar_to_text(value)
    for cookie in list_or_empty(fields.get("cookies")):
        response.headers.add("Set-Cookie", str(cookie))
    return response


def _add_headers(response: web.StreamResponse, headers: list[tuple[str, str]], content_type: str) -> None:
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", content_type))
    for name, value in headers:
        if name not in _GATEWAY_HEADERS:
            response.headers.add(name, value)

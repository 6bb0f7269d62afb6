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
from local.template.apis import GatewayResponse, RestApi

_GATEWAY_HEADERS = {"content-length", "connection", "transfer-encoding", "keep-alive", "date", "server"}
"""Headers that the gateway sets itself; a function's values for them are dropped."""


class GatewayError(Exception):
    """A request that a gateway answers itself, exactly as AWS does.

    Args:
        status: HTTP status.
        message: AWS's text for it, different in the two kinds of API.
        response_type: The type of a REST API's gateway response, such as `UNAUTHORIZED`; by default that of all errors
            with the status's first digit.
    """

    def __init__(self, status: int, message: str, response_type: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.response_type = response_type or _default_type(status)

    def build_response(self, request_id: str, api: RestApi | None = None) -> web.Response:
        """Build the response that the client gets.

        Args:
            request_id: UUID of the request.
            api: The REST API that answers, whose gateway responses shape it; None for the HTTP API, which has none.
        """
        template = self._find_template(api) if api else None
        if template is None:
            return _build_json_response(self.status, {"message": self.message})
        return self._fill_template(template, request_id)

    def _find_template(self, api: RestApi) -> GatewayResponse | None:
        templates = api.gateway_responses
        return templates.get(self.response_type) or templates.get(_default_type(self.status))

    def _fill_template(self, template: GatewayResponse, request_id: str) -> web.Response:
        variables = {
            "context.error.messageString": json.dumps(self.message),
            "context.error.message": self.message,
            "context.error.responseType": self.response_type,
            "context.requestId": request_id,
        }
        body = template.body
        for name, value in variables.items():
            body = body.replace(f"${name}", value)
        response = web.Response(
            body=body.encode(), status=template.status or self.status, content_type="application/json"
        )
        for name, source in template.headers.items():
            response.headers[name] = source[1:-1] if source.startswith("'") else variables[source]
        return response


def _default_type(status: int) -> str:
    return f"DEFAULT_{status // 100}XX"


def _build_json_response(status: int, body: object) -> web.Response:
    data = json.dumps(body, separators=(",", ":")).encode()
    return web.Response(body=data, status=status, content_type="application/json")


def build_too_large_response(api: RestApi | None) -> web.Response:
    """Build the response to a body over 10 MB: a REST API's is text, whatever its gateway responses are."""
    if api is None:
        return _build_json_response(413, {"message": "Request Entity Too Large"})
    response = web.Response(body=b"HTTP content length exceeded 10485760 bytes.", status=413)
    response.headers["Content-Type"] = "text; charset=utf-8"
    return response


def build_edge_error(status: int, code: str, message: str, *, is_agent_api: bool, request_id: str) -> web.Response:
    """Build an error that is answered before either gateway, in the shape of the API whose path it is."""
    if not is_agent_api:
        return _build_json_response(status, {"error": message, "code": code, "requestId": request_id})
    response = _build_json_response(status, {"error": {"code": code, "message": message}})
    response.headers["x-request-id"] = request_id
    return response


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

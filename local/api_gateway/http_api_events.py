"""Events of an HTTP API: those of functions and of Lambda authorizers, in payload format 2.0.

The format is the one of "Working with AWS Lambda proxy integrations for HTTP APIs" in API Gateway's guide.
"""

import base64
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.api_gateway.http_request import HttpRequest
from local.api_gateway.router import RouteMatch
from local.template.aws_identifiers import ACCOUNT_ID, API_ID, build_execute_api_arn

_HOP_BY_HOP_HEADERS = ("cookie", "connection", "transfer-encoding")
_TEXT_MEDIA_TYPES = ("text/", "application/json", "application/javascript", "application/xml")


def build_http_event(
    request: HttpRequest, route_match: RouteMatch, authorizer_context: dict[str, Any] | None
) -> dict[str, Any]:
    """Build the event of a route's function.

    Args:
        request: The request.
        route_match: The route that it takes.
        authorizer_context: The authorizer's context; None if the route has no authorizer.
    """
    event = _build_common_fields(request, route_match)
    if authorizer_context is not None:
        event["requestContext"]["authorizer"] = {"lambda": authorizer_context}
    if request.body:
        text = _decode_text_body(request)
        event["body"] = base64.b64encode(request.body).decode("ascii") if text is None else text
        event["isBase64Encoded"] = text is None
    else:
        event["isBase64Encoded"] = False
    return event


def build_http_authorizer_event(
    request: HttpRequest, route_match: RouteMatch, identity_headers: Iterable[str]
) -> dict[str, Any]:
    """Build the REQUEST event of a Lambda authorizer.

    Args:
        request: The request.
        route_match: The route that it takes.
        identity_headers: Names, in lower case, of the headers that are the authorizer's identity sources.
    """
    arn = build_execute_api_arn("$default", request.method, unquote(request.raw_path))
    sources = [request.header(name) for name in identity_headers]
    event = _build_common_fields(request, route_match)
    return {"type": "REQUEST", "routeArn": arn, "identitySource": sources or None, **event}


def _build_common_fields(request: HttpRequest, route_match: RouteMatch) -> dict[str, Any]:
    # HTTP APIs decode the path in rawPath too, unlike REST APIs and function URLs.
    path = unquote(request.raw_path)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_match.route.key,
        "rawPath": path,
        "rawQueryString": request.raw_query,
    }
    cookies = [part.strip() for part in request.header("cookie").split(";") if part.strip()]
    if cookies:
        event["cookies"] = cookies
    event["headers"] = _build_headers(request)
    if request.raw_query:
        event["queryStringParameters"] = _join_values(parse_qsl(request.raw_query, keep_blank_values=True))
    if route_match.parameters:
        event["pathParameters"] = dict(route_match.parameters)
    domain = request.domain_name
    event["requestContext"] = {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.split(".", 1)[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent"),
        },
        "requestId": request.request_id,
        "routeKey": route_match.route.key,
        "stage": "$default",
        "time": request.time_text,
        "timeEpoch": request.time_epoch_ms,
    }
    return event


def _build_headers(request: HttpRequest) -> dict[str, str]:
    pairs = [(name.lower(), value) for name, value in request.headers]
    headers = _join_values((name, value) for name, value in pairs if name not in _HOP_BY_HOP_HEADERS)
    headers.setdefault("content-length", str(len(request.body)))
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {request.source_ip}" if forwarded else request.source_ip
    headers["x-forwarded-port"] = str(request.port)
    headers["x-forwarded-proto"] = "http"
    headers.setdefault("x-amzn-trace-id", request.trace_id)
    return headers


def _join_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _decode_text_body(request: HttpRequest) -> str | None:
    """Return the body as text if API Gateway passes its media type on as text, else None."""
    media_type = request.header("content-type").split(";", 1)[0].strip().lower()
    if media_type and not media_type.startswith(_TEXT_MEDIA_TYPES) and not media_type.endswith(("+json", "+xml")):
        return None
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError:
        return None

"""Events as AWS makes them: an HTTP API's request in payload format 2.0, its authorizer's, a schedule's."""

import base64
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.api_gateway.router import RouteMatch
from local.template.aws_identifiers import ACCOUNT_ID, API_ID, REGION, build_execute_api_arn
from local.template.sam_template import Schedule

_HOP_BY_HOP_HEADERS = ("cookie", "connection", "transfer-encoding")
_TEXT_MEDIA_TYPES = ("text/", "application/json", "application/javascript", "application/xml")


@dataclass(frozen=True)
class HttpRequest:
    """One request as it came in; `target` is the request line's, path and query as they were sent."""

    method: str
    target: str
    protocol: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    port: int
    request_id: str

    @property
    def raw_path(self) -> str:
        """The path as sent, without the query; an absolute-form target loses its origin."""
        path = self.target.split("?", 1)[0].split("#", 1)[0]
        if not path.startswith("/") and "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        return path

    @property
    def raw_query(self) -> str:
        """The query as sent."""
        return self.target.partition("?")[2].split("#", 1)[0]

    def header(self, name: str) -> str:
        """A header's value, joined by commas; empty if it is missing."""
        return ",".join(value for key, value in self.headers if key.lower() == name)


def build_http_event(
    request: HttpRequest, route_match: RouteMatch, authorizer_context: dict[str, Any] | None
) -> dict[str, Any]:
    """The event of a route's function.

    Args:
        identity: the authorizer's context; None if the route has no authorizer.
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
    """The REQUEST event, format 2.0, of a Lambda authorizer."""
    arn = build_execute_api_arn("$default", request.method, unquote(request.raw_path))
    sources = [request.header(name) for name in identity_headers]
    event = _build_common_fields(request, route_match)
    return {"type": "REQUEST", "routeArn": arn, "identitySource": sources or None, **event}


def build_schedule_payload(schedule: Schedule) -> bytes:
    """What a schedule sends: its own input, or EventBridge's event."""
    if schedule.payload is not None:
        return schedule.payload.encode()
    kind, source = ("schedule", "aws.scheduler") if schedule.uses_eventbridge_scheduler else ("rule", "aws.events")
    service = "scheduler" if schedule.uses_eventbridge_scheduler else "events"
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT_ID,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{kind}/{schedule.function}{schedule.name}"],
        "detail": dict[str, Any](),
    }
    return json.dumps(event).encode()


def _build_common_fields(request: HttpRequest, route_match: RouteMatch) -> dict[str, Any]:
    # API Gateway's HTTP APIs decode the path in rawPath too, unlike REST APIs and function URLs.
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
    host = request.header("host")
    domain = host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host
    now = time.time()
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
        "time": f"{datetime.fromtimestamp(now, UTC):%d/%b/%Y:%H:%M:%S +0000}",
        "timeEpoch": int(now * 1000),
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
    digits = request.request_id.replace("-", "")
    headers.setdefault("x-amzn-trace-id", f"Root=1-{int(time.time()):08x}-{digits[:24]}")
    return headers


def _join_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _decode_text_body(request: HttpRequest) -> str | None:
    """The body as text if its type is one that API Gateway passes on as text, else None."""
    media_type = request.header("content-type").split(";", 1)[0].strip().lower()
    if media_type and not media_type.startswith(_TEXT_MEDIA_TYPES) and not media_type.endswith(("+json", "+xml")):
        return None
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError:
        return None

import base64
import re
from typing import Any

import pytest

from local.api_gateway.http_api_events import build_http_authorizer_event, build_http_event
from local.api_gateway.http_request import HttpRequest
from local.api_gateway.router import RouteMatch
from local.template.apis import Route

ROUTE_MATCH = RouteMatch(
    Route("DELETE", "/destroy/{instanceId}/{resourceId}", "F", "Key"), {"instanceId": "a", "resourceId": "+1@x"}
)


def build_request(
    body: bytes = b"", *headers: tuple[str, str], target: str = "/destroy/a/%2B1%40x?a=1&b=%20&a=2&c"
) -> HttpRequest:
    all_headers = (("Host", "127.0.0.1:3002"), ("User-Agent", "pool/1"), ("X-Two", "1"), ("x-two", "2"), *headers)
    return HttpRequest(
        "DELETE", target, "HTTP/1.1", all_headers, body, "127.0.0.1", 3002, "11111111-2222-3333-4444-555555555555"
    )


def pop_volatile_fields(event: dict[str, Any]) -> dict[str, Any]:
    context = event["requestContext"]
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("time"))
    assert isinstance(context.pop("timeEpoch"), int)
    assert event["headers"].pop("x-amzn-trace-id").startswith("Root=1-")
    return event


def test_a_request_becomes_the_event_that_aws_makes_of_it() -> None:
    event = pop_volatile_fields(
        build_http_event(build_request(b"", ("Cookie", "a=1; b=2")), ROUTE_MATCH, {"who": "pool"})
    )
    assert event == {
        "version": "2.0",
        "routeKey": "DELETE /destroy/{instanceId}/{resourceId}",
        "rawPath": "/destroy/a/+1@x",
        "rawQueryString": "a=1&b=%20&a=2&c",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "host": "127.0.0.1:3002",
            "user-agent": "pool/1",
            "x-two": "1,2",
            "content-length": "0",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "3002",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"a": "1,2", "b": " ", "c": ""},
        "pathParameters": {"instanceId": "a", "resourceId": "+1@x"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "authorizer": {"lambda": {"who": "pool"}},
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": "DELETE",
                "path": "/destroy/a/+1@x",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "pool/1",
            },
            "requestId": "11111111-2222-3333-4444-555555555555",
            "routeKey": "DELETE /destroy/{instanceId}/{resourceId}",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


def test_what_a_request_does_not_have_is_left_out() -> None:
    event = build_http_event(build_request(target="/x"), RouteMatch(Route("ANY", "$default", "F", None), {}), None)
    assert event["routeKey"] == "$default"
    assert not {"cookies", "queryStringParameters", "pathParameters", "body"} & event.keys()
    assert "authorizer" not in event["requestContext"]


@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8", "application/problem+json"])
def test_a_text_body_stays_text(kind: str) -> None:
    event = build_http_event(build_request('{"a": "ü"}'.encode(), ("Content-Type", kind)), ROUTE_MATCH, None)
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": "ü"}', False)


@pytest.mark.parametrize(("kind", "body"), [("image/png", b"\x89PNG"), ("application/json", b"\xff\xfe")])
def test_a_binary_body_is_base64(kind: str, body: bytes) -> None:
    event = build_http_event(build_request(body, ("Content-Type", kind)), ROUTE_MATCH, None)
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == body


def test_the_authorizer_gets_a_request_event_without_a_body() -> None:
    event = build_http_authorizer_event(build_request(b"{}", ("Authorization", "Bearer x")), ROUTE_MATCH, ())
    assert event["type"] == "REQUEST"
    assert event["version"] == "2.0"
    assert event["routeArn"] == "arn:aws:execute-api:us-east-1:123456789012:local/$default/DELETE/destroy/a/+1@x"
    assert event["identitySource"] is None
    assert event["headers"]["authorization"] == "Bearer x"
    assert event["pathParameters"] == {"instanceId": "a", "resourceId": "+1@x"}
    assert "body" not in event

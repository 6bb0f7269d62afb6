"""REST API routes that do not stream, and the events that a REST API makes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.api_gateway.http_request import HttpRequest
from local.api_gateway.rest_api_events import (
    build_method_arn,
    build_rest_authorizer_event,
    build_rest_event,
    evaluate_authorizer_response,
)
from local.api_gateway.router import RouteMatch
from local.errors import TemplateError
from local.template.apis import RestApi, Route
from local.template.sam_template import Template
from tests.local.gateway_harness import TEMPLATE, GatewayHarness

API = RestApi("StreamApi", "live", ("application/octet-stream",))
ROUTE_MATCH = RouteMatch(
    Route("POST", "/api/{a}/{rest+}", "F", "StreamApi.AgentUser", API, True), {"a": "x y", "rest": "1/2"}
)
ARN = "arn:aws:execute-api:us-east-1:123456789012:local/live/POST/api/x%20y/1/2"


def build_request(
    body: bytes = b"", *headers: tuple[str, str], target: str = "/api/x%20y/1/2?a=1&b=%20&a=2&c"
) -> HttpRequest:
    all_headers = (("Host", "127.0.0.1:3002"), ("User-Agent", "app/1"), ("X-Two", "1"), ("X-Two", "2"), *headers)
    request_id = "11111111-2222-3333-4444-555555555555"
    return HttpRequest("POST", target, "HTTP/1.1", all_headers, body, "127.0.0.1", 3002, request_id)


def test_a_request_becomes_the_event_that_aws_makes_of_it() -> None:
    event = build_rest_event(
        build_request(b"{}", ("Connection", "close")), ROUTE_MATCH, API, {"user": "u1", "principalId": "u1"}
    )
    request_context = event["requestContext"]
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", request_context.pop("requestTime"))
    assert isinstance(request_context.pop("requestTimeEpoch"), int)
    for name in ("headers", "multiValueHeaders"):
        assert event[name].pop("X-Amzn-Trace-Id")
    assert event == {
        "resource": "/api/{a}/{rest+}",
        "path": "/api/x%20y/1/2",
        "httpMethod": "POST",
        "headers": {
            "Host": "127.0.0.1:3002", "User-Agent": "app/1", "X-Two": "2", "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": "3002", "X-Forwarded-Proto": "http",
        },
        "multiValueHeaders": {
            "Host": ["127.0.0.1:3002"], "User-Agent": ["app/1"], "X-Two": ["1", "2"],
            "X-Forwarded-For": ["127.0.0.1"], "X-Forwarded-Port": ["3002"], "X-Forwarded-Proto": ["http"],
        },
        "queryStringParameters": {"a": "2", "b": " ", "c": ""},
        "multiValueQueryStringParameters": {"a": ["1", "2"], "b": [" "], "c": [""]},
        "pathParameters": {"a": "x%20y", "rest": "1/2"},
        "stageVariables": None,
        "requestContext": {
            "resourceId": "local",
            "resourcePath": "/api/{a}/{rest+}",
            "httpMethod": "POST",
            "extendedRequestId": "11111111-2222-3333-4444-555555555555",
            "path": "/live/api/x%20y/1/2",
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "live",
            "domainPrefix": "127",
            "requestId": "11111111-2222-3333-4444-555555555555",
            "identity": {
                "cognitoIdentityPoolId": None, "accountId": None, "cognitoIdentityId": None, "caller": None,
                "principalOrgId": None, "accessKey": None, "cognitoAuthenticationType": None,
                "cognitoAuthenticationProvider": None, "userArn": None, "user": None,
                "sourceIp": "127.0.0.1", "userAgent": "app/1",
            },
            "domainName": "127.0.0.1",
            "deploymentId": "local",
            "apiId": "local",
            "authorizer": {"user": "u1", "principalId": "u1", "integrationLatency": 1},
        },
        "body": "{}",
        "isBase64Encoded": False,
    }  # fmt: skip


def test_what_a_request_does_not_have_is_null() -> None:
    route_match = RouteMatch(Route("POST", "/x", "F", None, API), {})
    event = build_rest_event(build_request(target="/x"), route_match, API, None)
    for name in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body"):
        assert event[name] is None
    assert "authorizer" not in event["requestContext"]


def test_only_a_binary_media_type_is_base64() -> None:
    octets = build_rest_event(
        build_request(b"\xff", ("Content-Type", "application/octet-stream; x=y")), ROUTE_MATCH, API, None
    )
    assert (octets["body"], octets["isBase64Encoded"]) == ("/w==", True)
    text = build_rest_event(build_request(b"\xff", ("Content-Type", "image/png")), ROUTE_MATCH, API, None)
    assert (text["body"], text["isBase64Encoded"]) == ("\ufffd", False)


def test_the_authorizer_gets_a_request_event_without_a_body() -> None:
    event = build_rest_authorizer_event(build_request(b"{}", target="/api/x%20y/1/2"), ROUTE_MATCH, API)
    assert (event["type"], event["methodArn"]) == ("REQUEST", ARN)
    assert (event["queryStringParameters"], event["stageVariables"]) == ({}, {})
    assert not {"body", "isBase64Encoded"} & event.keys()


def build_authorizer_response(effect: str = "Allow", resource: Any = "*", **changes: Any) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"principalId": "p", "policyDocument": {"Statement": [statement]}, **changes}


@pytest.mark.parametrize(("resource", "covered"), [
    ("*", True), (ARN, True), (ARN.partition("/POST")[0] + "/*", True), ([ARN, "x"], True),
    (ARN.replace("POST", "GET"), False), ("arn:aws:execute-api:*:*:*/dead/*", False), (None, False),
])  # fmt: skip
def test_a_policy_lets_in_what_it_covers(resource: Any, covered: bool) -> None:
    arn = build_method_arn(build_request(), API)
    assert (evaluate_authorizer_response(build_authorizer_response("Allow", resource), arn) is not None) == covered
    assert evaluate_authorizer_response(build_authorizer_response("Deny", resource), arn) is None


def test_a_deny_beats_an_allow() -> None:
    both = (
        build_authorizer_response()["policyDocument"]["Statement"]
        + build_authorizer_response("Deny")["policyDocument"]["Statement"]
    )
    assert evaluate_authorizer_response(build_authorizer_response(policyDocument={"Statement": both}), ARN) is None


@pytest.mark.parametrize(
    "broken",
    [
        {},
        build_authorizer_response(principalId=5),
        build_authorizer_response(policyDocument="x"),
        build_authorizer_response(context={"a": []}),
    ],
)
def test_what_is_no_answer_of_an_authorizer_is_not_taken_for_one(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        evaluate_authorizer_response(broken, ARN)


def test_a_function_that_does_not_stream_answers_in_payload_1(gateway: GatewayHarness) -> None:
    with gateway.request("POST", "/api/buffered/x%2By?q=1", b"text") as plain:
        event = json.load(plain)
        assert (plain.status, plain.getheader("content-type")) == (200, "application/json")
        assert (event["pathParameters"], event["body"]) == ({"what": "x%2By"}, "text")
    with gateway.request("POST", "/api/buffered/binary", headers={"Accept": "application/octet-stream"}) as binary:
        assert (binary.status, binary.read()) == (201, b"\x00\xff")
        assert binary.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert binary.headers.get_all("x-several") == ["1", "2"]
    with gateway.request("POST", "/api/buffered/binary") as text:
        assert text.read() == b"AP8="
    with gateway.request("POST", "/api/buffered/malformed") as broken:
        assert broken.status == 502


def test_rest_routes_are_read_with_their_authorizers() -> None:
    routes = {route.key: route for route in Template.load(TEMPLATE, {}).routes}
    stream = routes["POST /api/stream/{what}"]
    assert (stream.streaming, stream.authorizer, stream.rest_api) == (True, "StreamApi.AgentUser", API)
    assert (stream.timeout, routes["ANY /api/stream/{what}"].timeout) == (900.0, 29.0)
    assert routes["ANY /api/stream/{what}"].authorizer is None
    assert not routes["POST /api/buffered/{what}"].streaming
    assert routes["ANY /api/{proxy+}"].rest_api is None


@pytest.mark.parametrize(("old", "new", "message"), [
    ("RestApiId: !Ref StreamApi", "RestApiId: !Ref Api", "RestApiId has to be a !Ref"),
    ("TimeoutInMillis: 900000", "TimeoutInMillis: 900001", "TimeoutInMillis is more than AWS takes"),
    ("RESPONSE_STREAM", "STREAM", "STREAM is not a ResponseTransferMode"),
    ("FunctionPayloadType: REQUEST", "FunctionPayloadType: TOKEN", "needs FunctionPayloadType REQUEST"),
    ("StageName: live", "StageName: live\n      Cors: \"'*'\"", "Cors is not supported"),
    ("DefaultAuthorizer: AgentUser", "DefaultAuthorizer: Nobody", "the authorizer Nobody does not exist"),
])  # fmt: skip
def test_what_the_runner_cannot_do_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (
        TEMPLATE.read_text()
        .replace("../../../layers/shared", str(TEMPLATE.parent))
        .replace("functions/", str(TEMPLATE.parent / "functions"))
    )
    (tmp_path / "template.yaml").write_text(text.replace(old, new))
    with pytest.raises(TemplateError, match=r".+") as caught:
        Template.load(tmp_path / "template.yaml", {})
    assert message in str(caught.value)

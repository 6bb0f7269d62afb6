"""Events as ASGI scopes."""

import base64
from collections.abc import Iterator

import pytest

from tests.streaming.runtime_harness import APPS, ROOT, RuntimeHarness, make_rest_event, make_url_event

ARN = "arn:aws:lambda:us-east-1:123456789012:function:Stream"


@pytest.fixture(scope="module")
def runtime() -> Iterator[RuntimeHarness]:
    with RuntimeHarness("sample.app") as harness:
        yield harness


def request_scope(runtime: RuntimeHarness, event: object) -> dict:
    response = runtime.call(event)
    assert response.read_prelude()["statusCode"] == 200
    return response.read_json()


def test_a_rest_apis_request(runtime: RuntimeHarness) -> None:
    event = make_rest_event(
        "POST", "/api/a%2Fb%20%C3%BC/scope", body='{"a":"ü"}',
        queryStringParameters={"a": "3", "b": "x y"}, multiValueQueryStringParameters={"a": ["1", "3"], "b": ["x y"]},
    )  # fmt: skip
    scope = request_scope(runtime, event)
    assert (scope["type"], scope["method"], scope["http_version"]) == ("http", "POST", "1.1")
    assert (scope["path"], scope["raw_path"]) == ("/api/a/b ü/scope", "/api/a%2Fb%20%C3%BC/scope")
    assert scope["query_string"] == "a=1&a=3&b=x+y"
    assert scope["headers"] == [
        ["host", "api.example.org"], ["x-two", "1"], ["x-two", "2"], ["x-forwarded-proto", "https"],
    ]  # fmt: skip
    assert bytes.fromhex(scope["body"]) == '{"a":"ü"}'.encode()
    assert not scope["more"]
    assert (scope["scheme"], scope["server"], scope["client"]) == ("https", ["api.example.org", 443], ["192.0.2.1", 0])
    assert scope["event"] == event
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}


def test_a_rest_request_without_the_multiple_values(runtime: RuntimeHarness) -> None:
    event = make_rest_event(path="/scope", multiValueHeaders=None, queryStringParameters={"a": "1&2"})
    scope = request_scope(runtime, event)
    assert scope["query_string"] == "a=1%262"
    assert scope["headers"] == [["host", "api.example.org"], ["x-two", "2"]]


def test_a_function_urls_request(runtime: RuntimeHarness) -> None:
    event = make_url_event("PUT", "/a%20b/scope", rawQueryString="a=1&a=%32", cookies=["a=1", "b=2"], body="hello")
    scope = request_scope(runtime, event)
    assert (scope["method"], scope["path"], scope["raw_path"]) == ("PUT", "/a b/scope", "/a%20b/scope")
    assert scope["query_string"] == "a=1&a=%32"
    assert ["cookie", "a=1; b=2"] in scope["headers"]
    assert bytes.fromhex(scope["body"]) == b"hello"
    assert scope["server"] == ["url.example.org", 443]


def test_a_body_in_base64(runtime: RuntimeHarness) -> None:
    body = base64.b64encode(b"\x00\xff").decode()
    assert request_scope(runtime, make_rest_event(path="/scope", body=body, isBase64Encoded=True))["body"] == "00ff"
    assert request_scope(runtime, make_url_event(path="/scope", body=body, isBase64Encoded=True))["body"] == "00ff"


def test_a_body_that_is_not_base64_is_an_error_and_the_runtime_continues(runtime: RuntimeHarness) -> None:
    error = runtime.call(make_rest_event(path="/scope", body="%", isBase64Encoded=True))
    assert error.kind == "error"
    assert request_scope(runtime, make_rest_event(path="/scope"))["body"] == ""


def test_the_lambda_context(runtime: RuntimeHarness) -> None:
    request_id = runtime.invoke(make_rest_event(path="/scope"), 20)
    response = runtime.next_post()
    assert response.path == f"/2018-06-01/runtime/invocation/{request_id}/response"
    response.read_prelude()
    context = response.read_json()["context"]
    assert (context["id"], context["arn"], context["name"], context["memory"]) == (request_id, ARN, "Stream", "256")
    assert 15_000 < context["remaining"] <= 20_000
    assert context["trace"] == "Root=1-0-0"


def test_one_event_loop_for_the_life_of_the_process(runtime: RuntimeHarness) -> None:
    request_scope(runtime, make_rest_event(path="/scope"))
    loops = request_scope(runtime, make_rest_event(path="/scope"))["loops"]
    assert len(loops) > 1
    assert len(set(loops)) == 1


def test_the_functions_code_comes_before_the_layer(runtime: RuntimeHarness) -> None:
    path = request_scope(runtime, make_rest_event(path="/scope"))["path0"]
    assert path[1:] == [str(APPS), str(ROOT / "layers/shared")]


@pytest.mark.parametrize(
    "event", [{}, [], {"requestContext": {}}, {"requestContext": {"http": {}}}, {"source": "aws.events"}]
)
def test_an_event_that_is_not_a_request_is_an_error(runtime: RuntimeHarness, event: object) -> None:
    error = runtime.call(event)
    assert error.kind == "error"
    assert error.headers["lambda-runtime-function-error-type"] == "Runtime.UnsupportedEvent"
    assert error.read_json()["errorType"] == "Runtime.UnsupportedEvent"

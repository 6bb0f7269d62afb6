import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.harness.clients import send_request
from tests.harness.runner_process import RunnerProcess

API_KEY_HEADERS = {"Authorization": "Bearer test-key"}
MAX_BODY_BYTES = 10 * 1024 * 1024


def test_healthz_answers_with_aws_like_headers(runner: RunnerProcess) -> None:
    status, headers, body = send_request(runner.url, "GET", "/healthz")
    assert (status, body) == (200, {"ok": True})
    assert headers["server"] == f"pointsman-local (pid {runner.process.pid})"
    assert headers["apigw-requestid"]


def test_the_authorizers_context_reaches_the_function(runner: RunnerProcess) -> None:
    status, _, body = send_request(runner.url, "GET", "/echo/a", headers=API_KEY_HEADERS)
    assert status == 200
    context = body["event"]["requestContext"]["authorizer"]["lambda"]
    assert (context["who"], context["type"]) == ("pool", "REQUEST")
    _, _, body = send_request(runner.url, "GET", "/echo/a", headers={"Authorization": "Bearer other"})
    assert body["event"]["requestContext"]["authorizer"]["lambda"]["who"] == ""


def get_gateway_error(headers: dict[str, str], body: object) -> object:
    """Return the body of an error of the HTTP API itself; it names the request in a header, as AWS does."""
    assert headers["content-type"] == "application/json"
    assert headers["apigw-requestid"]
    return body


def test_an_authorizer_that_refuses_or_fails_is_answered_as_aws_does(runner: RunnerProcess) -> None:
    status, headers, body = send_request(runner.url, "GET", "/echo/a", headers={"Authorization": "Bearer deny"})
    assert (status, get_gateway_error(headers, body)) == (403, {"message": "Forbidden"})
    status, headers, body = send_request(runner.url, "GET", "/echo/a", headers={"Authorization": "Bearer fail"})
    assert (status, get_gateway_error(headers, body)) == (500, {"message": "Internal Server Error"})


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [("%2B15551234567", "+15551234567"), ("name%40mail.to", "name@mail.to"), ("a%2Fb", "a/b"), ("%C3%BC", "ü")],
)
def test_encoded_path_parameters_arrive_decoded_once(runner: RunnerProcess, sent: str, decoded: str) -> None:
    _, _, body = send_request(runner.url, "DELETE", f"/echo/{sent}", headers=API_KEY_HEADERS)
    event = body["event"]
    assert event["pathParameters"] == {"id": decoded}
    assert event["rawPath"] == f"/echo/{decoded}"
    assert event["routeKey"] == "ANY /echo/{id}"


def test_an_unknown_route_reaches_the_default_function(runner: RunnerProcess) -> None:
    status, headers, body = send_request(runner.url, "PUT", "/no/such?x=1")
    assert status == 404
    assert headers["content-type"] == "application/json"
    assert (body["routeKey"], body["rawPath"]) == ("$default", "/no/such")


def test_a_json_body_arrives_as_it_was_sent(runner: RunnerProcess) -> None:
    sent = '{"a":  "ü"}'.encode()
    _, _, body = send_request(runner.url, "POST", "/open", sent, {"Content-Type": "application/json"})
    assert body["event"]["body"] == sent.decode()
    assert "authorizer" not in body["event"]["requestContext"]


def test_an_explicit_answer_is_passed_on(runner: RunnerProcess) -> None:
    status, headers, body = send_request(runner.url, "POST", "/misc/binary")
    assert (status, body) == (201, b"\x00\xff")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-number"] == "5"
    assert headers["set-cookie"] in ("a=1", "b=2")


def test_an_answer_without_a_status_is_a_json_body(runner: RunnerProcess) -> None:
    status, headers, body = send_request(runner.url, "POST", "/misc/other")
    assert (status, body) == (200, ["a", "list"])
    assert headers["content-type"] == "application/json"


@pytest.mark.limit("function-response")
@pytest.mark.parametrize("what", ["raise", "exit", "malformed", "large", "sleep"])
def test_a_function_that_fails_is_a_500_that_does_not_say_why(runner: RunnerProcess, what: str) -> None:
    status, headers, body = send_request(runner.url, "POST", f"/misc/{what}")
    assert (status, get_gateway_error(headers, body)) == (500, {"message": "Internal Server Error"})


def test_a_body_over_the_limit_is_refused(runner: RunnerProcess) -> None:
    status, headers, body = send_request(runner.url, "POST", "/open", b"x" * (MAX_BODY_BYTES + 1))
    assert (status, get_gateway_error(headers, body)) == (413, {"message": "Request Entity Too Large"})


def test_a_chunked_body_over_the_limit_is_refused_before_its_end(runner: RunnerProcess) -> None:
    with socket.create_connection((urlsplit(runner.url).hostname, urlsplit(runner.url).port), 20) as client:
        client.sendall(b"POST /open HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        for _ in range(11):
            client.sendall(chunk)
        # The end of the body is never sent.
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b'{"message":"Request Entity Too Large"}')


@pytest.mark.limit("event-of-a-function")
def test_an_event_over_lambdas_limit_is_refused(runner: RunnerProcess) -> None:
    status, headers, body = send_request(runner.url, "POST", "/open", b"x" * 7_000_000, {"Content-Type": "text/plain"})
    assert (status, get_gateway_error(headers, body)) == (413, {"message": "Request Entity Too Large"})


def test_what_is_not_http_is_answered_in_json(runner: RunnerProcess) -> None:
    with socket.create_connection((urlsplit(runner.url).hostname, urlsplit(runner.url).port), 20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n")
        head, _, body = client.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.split()[1] == b"400"
    assert json.loads(body)["error"] == "Bad Request"


def test_one_readable_line_a_request_without_query_or_headers(runner: RunnerProcess) -> None:
    start = len(runner.lines)
    _, headers, _ = send_request(
        runner.url, "GET", "/healthz?secret=in-query", headers={"Authorization": "Bearer in-header"}
    )
    line = runner.wait_for_line(headers["apigw-requestid"], start)
    assert [part for part in line.split() if part not in ("s",)][1:4] == ["GET", "/healthz", "200"]
    assert "Healthz" in line
    assert "in-query" not in line
    assert "in-header" not in line


def test_the_control_paths_are_for_programs_on_this_machine(runner: RunnerProcess) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        connection = {"Host": "127.0.0.1", **headers}
        with socket.create_connection((urlsplit(runner.url).hostname, urlsplit(runner.url).port), 20) as client:
            lines = "".join(f"{name}: {value}\r\n" for name, value in connection.items())
            client.sendall(f"GET /_local/status HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
            assert client.makefile("rb").read().startswith(b"HTTP/1.1 403 ")


def test_a_schedule_fires_on_demand(runner: RunnerProcess) -> None:
    status, _, body = send_request(runner.url, "POST", "/_local/schedules/Tick")
    assert (status, body["source"]) == (200, "aws.scheduler")
    assert send_request(runner.url, "POST", "/_local/schedules/Healthz")[0] == 404
    assert send_request(runner.url, "POST", "/_local/invoke/Nothing")[0] == 404

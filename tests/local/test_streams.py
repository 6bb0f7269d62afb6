"""Answers that stream through the local gateway, as through a REST API behind CloudFront."""

import base64
import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.local.streams import Streams
from tests.local.support import gone, wait_for


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    running = Streams(tmp_path_factory.mktemp("logs"))
    yield running
    running.close()


def told(streams: Streams, *arguments: Any, **headers: str) -> dict[str, Any]:
    with streams.request(*arguments, headers=headers) as answer:
        return json.load(answer)


def begun(streams: Streams, what: str, control: Path | None = None) -> http.client.HTTPResponse:
    answer = streams.request("POST", f"/api/{what}" + (f"?control={control}" if control else ""))
    assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
    assert answer.read1() == b"begun"
    return answer


def cut_off(answer: http.client.HTTPResponse) -> bool:
    """Whether the client sees that something is missing at the end."""
    with answer:
        try:
            answer.read()
        except (http.client.IncompleteRead, ConnectionResetError):
            return True
        return False


def test_chunks_arrive_one_by_one_while_the_function_runs(streams: Streams, tmp_path: Path) -> None:
    with begun(streams, "stream/steps", tmp_path) as answer:
        for number in range(3):
            (tmp_path / str(number)).touch()
            assert answer.read1() == str(number).encode()
        assert answer.read() == b""


def test_status_headers_and_cookies_come_from_the_prelude(streams: Streams) -> None:
    with streams.request(
        "POST", "/api/stream/echo", b"\x00\xff", {"Content-Type": "application/octet-stream"}
    ) as answer:
        assert answer.status == 201
        assert answer.getheader("x-two") == "1, 2"
        assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert answer.getheader("apigw-requestid")
        assert answer.getheader("server", "").startswith("pointsman-local")
        assert answer.getheader("transfer-encoding") == "chunked"
        assert json.load(answer)["body"] == "00ff"


def test_an_answer_without_a_body_has_none(streams: Streams) -> None:
    with streams.request("POST", "/api/stream/none") as answer:
        assert (answer.status, answer.read()) == (204, b"")
    with streams.request("HEAD", "/api/stream/echo") as answer:
        assert (answer.status, answer.read()) == (201, b"")


def test_both_kinds_of_api_are_at_one_address_and_the_more_specific_route_wins(streams: Streams) -> None:
    assert told(streams, "GET", "/api/other")["routeKey"] == "ANY /api/{proxy+}"
    assert told(streams, "GET", "/elsewhere")["routeKey"] == "$default"
    assert told(streams, "POST", "/api/stream/echo")["event"]["resource"] == "/api/stream/{what}"
    assert told(streams, "PUT", "/api/stream/echo")["method"] == "PUT"


def test_the_authorizers_context_reaches_the_function_as_strings(streams: Streams) -> None:
    identity = told(streams, "POST", "/api/stream/echo")["event"]["requestContext"]["authorizer"]
    assert identity == {
        "user": "u1", "number": "5", "yes": "true", "type": "REQUEST", "principalId": "u1", "integrationLatency": 1,
    }  # fmt: skip
    assert "authorizer" not in told(streams, "PUT", "/api/stream/echo")["event"]["requestContext"]


@pytest.mark.parametrize(("user", "status"), [("denied", 403), ("broken", 500)])
def test_whom_the_authorizer_does_not_let_in_is_refused(streams: Streams, user: str, status: int) -> None:
    with streams.request("POST", "/api/stream/echo", headers={"X-User": user}) as answer:
        assert answer.status == status
        assert "error" in json.load(answer)


def test_an_error_before_the_first_byte_is_a_502(streams: Streams) -> None:
    with streams.request("POST", "/api/stream/early") as answer:
        body = json.load(answer)
        assert (answer.status, body["error"]) == (502, "Internal server error")
    assert "StreamFunction failed: ValueError: no good" in streams.printed.getvalue()


def test_a_function_that_does_not_stream_is_a_502_on_a_route_that_does(streams: Streams) -> None:
    with streams.request("GET", "/api/no-prelude") as answer:
        assert answer.status == 502


def test_an_error_in_the_middle_cuts_the_connection(streams: Streams) -> None:
    assert cut_off(begun(streams, "stream/late"))
    assert not cut_off(begun(streams, "stream/whole"))


def test_the_function_is_cancelled_before_its_timeout(streams: Streams) -> None:
    assert cut_off(begun(streams, "short/forever"))
    log = (streams.logs / "ShortFunction.log").read_text()
    assert "Runtime.DeadlineExceeded" in log
    assert len(streams.workers("ShortFunction")) == 1


def test_a_function_that_goes_on_is_killed_at_its_timeout(streams: Streams, tmp_path: Path) -> None:
    answer = begun(streams, "short/stuck", tmp_path)
    worker = next(worker for worker in streams.workers("ShortFunction") if worker["requestId"])
    assert cut_off(answer)
    assert (tmp_path / "cancelled").exists()
    wait_for(lambda: gone(worker["pid"]))
    assert "Task timed out after 2.00 seconds" in (streams.logs / "ShortFunction.log").read_text()


def test_killing_the_process_cuts_the_connection(streams: Streams) -> None:
    answer = begun(streams, "stream/forever")
    (busy,) = (worker for worker in streams.workers("StreamFunction") if worker["requestId"])
    os.kill(busy["pid"], signal.SIGKILL)
    assert cut_off(answer)
    assert told(streams, "POST", "/api/stream/echo")["pid"] != busy["pid"]


def test_a_client_that_goes_away_does_not_stop_the_function(streams: Streams, tmp_path: Path) -> None:
    with socket.create_connection(streams.address) as client:
        target = f"/api/stream/gone?control={tmp_path}"
        client.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nX-User: u1\r\nContent-Length: 0\r\n\r\n".encode())
        received = b""
        while b"begun" not in received:
            received += client.recv(65536)
    (tmp_path / "go").touch()
    wait_for((tmp_path / "done").exists)
    wait_for(lambda: not any(worker["requestId"] for worker in streams.workers("StreamFunction")))


def test_a_silent_stream_is_cut_and_its_function_runs_on(tmp_path: Path) -> None:
    streams = Streams(tmp_path / "logs", idle=1.0)
    try:
        streams.run(streams.functions.prewarm(["StreamFunction", "AuthorizerFunction"]))
        assert cut_off(begun(streams, "stream/forever"))
        assert [worker for worker in streams.workers("StreamFunction") if worker["requestId"]]
    finally:
        streams.close()


def test_a_stream_is_cut_at_the_routes_limit_and_its_function_runs_on(streams: Streams, tmp_path: Path) -> None:
    streams.run(streams.functions.prewarm(["StreamFunction"]))
    assert cut_off(begun(streams, "brief/steps", tmp_path))
    assert "was silent or took too long" in streams.printed.getvalue()
    with streams.request("POST", f"/api/brief/slow?control={tmp_path}") as answer:
        assert (answer.status, json.load(answer)["error"]) == (504, "Endpoint request timed out")
    for number in range(3):
        (tmp_path / str(number)).touch()
    wait_for(lambda: not any(worker["requestId"] for worker in streams.workers("StreamFunction")))


def test_the_process_is_the_wrappers_and_shows_its_handler(streams: Streams) -> None:
    pid = told(streams, "POST", "/api/stream/echo")["pid"]
    assert psutil.Process(pid).cmdline()[1:] == ["-u", "-m", "pointsman.streaming", "stream.app"]
    # And is there for the next stream; which of the idle ones that gets is another matter.
    wait_for(lambda: any((one["pid"], one["state"]) == (pid, "idle") for one in streams.workers("StreamFunction")))


def test_streams_at_once_have_a_process_each_up_to_the_limit(tmp_path: Path) -> None:
    streams = Streams(tmp_path / "logs", most=2)
    try:
        open_now = [begun(streams, "stream/steps", tmp_path) for _ in range(2)]
        assert len(streams.workers("StreamFunction")) == 2
        waiting = http.client.HTTPConnection(*streams.address, timeout=30)
        waiting.request("POST", "/api/stream/echo", headers={"X-User": "u1", "Connection": "close"})
        wait_for(lambda: streams.soon(streams.functions.status)["StreamFunction"]["waiting"] == 1)
        for number in range(3):
            (tmp_path / str(number)).touch()
        assert [answer.read() for answer in open_now] == [b"012", b"012"]
        with waiting.getresponse() as answer:
            assert answer.status == 201
    finally:
        streams.close()


def test_changed_code_lets_a_stream_end_and_takes_the_next_to_a_new_process(streams: Streams, tmp_path: Path) -> None:
    with begun(streams, "stream/steps", tmp_path) as answer:
        streams.soon(streams.functions.retire_all)
        for number in range(3):
            (tmp_path / str(number)).touch()
        assert answer.read() == b"012"
    pids = {worker["pid"] for worker in streams.workers("StreamFunction") if worker["retired"]}
    assert told(streams, "POST", "/api/stream/echo")["pid"] not in pids


def test_a_wrapper_that_no_layer_has_is_told(streams: Streams) -> None:
    result = streams.run(streams.functions.invoke("NoWrapperFunction", b"{}"))
    assert (result.error_type, result.error) == ("Runtime.StartError", "Unhandled")
    assert "no layer has /opt/python/nothing" in result.error_message


def test_a_streamed_answer_is_whole_for_a_caller_who_does_not_stream(streams: Streams) -> None:
    event = {
        "httpMethod": "POST", "path": "/api/stream/whole",
        "requestContext": {"identity": {"sourceIp": "127.0.0.1"}}, "body": base64.b64encode(b"x").decode(),
    }  # fmt: skip
    result = streams.run(streams.functions.invoke("StreamFunction", json.dumps(event).encode()))
    head, _, body = result.payload.partition(b"\0" * 8)
    assert (json.loads(head)["statusCode"], body) == (200, b"begun")
    event["path"] = "/api/stream/late"
    result = streams.run(streams.functions.invoke("StreamFunction", json.dumps(event).encode()))
    assert (result.error, result.error_message) == ("Unhandled", "no good")

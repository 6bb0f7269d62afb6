"""Answers that stream through the local gateway, as through a REST API behind CloudFront."""

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.lambda_service.response_stream import ResponseStream
from local.lambda_service.service import TooManyRequests
from local.template.sam_template import Template
from tests.harness.wait import wait_until
from tests.harness.worker_processes import has_exited
from tests.local.gateway_harness import TEMPLATE, GatewayHarness


def request_json(gateway: GatewayHarness, *arguments: Any, **headers: str) -> dict[str, Any]:
    with gateway.request(*arguments, headers=headers) as response:
        return json.load(response)


def start_stream(gateway: GatewayHarness, path: str, control: Path | None = None) -> http.client.HTTPResponse:
    response = gateway.request("POST", f"/api/{path}" + (f"?control={control}" if control else ""))
    assert (response.status, response.getheader("content-type")) == (200, "text/event-stream")
    assert response.read1() == b"begun"
    return response


def is_cut_off(response: http.client.HTTPResponse) -> bool:
    """Whether the client sees that something is missing at the end."""
    with response:
        try:
            response.read()
        except (http.client.IncompleteRead, ConnectionResetError):
            return True
        return False


def test_chunks_arrive_one_by_one_while_the_function_runs(gateway: GatewayHarness, tmp_path: Path) -> None:
    with start_stream(gateway, "stream/steps", tmp_path) as answer:
        for number in range(3):
            (tmp_path / str(number)).touch()
            assert answer.read1() == str(number).encode()
        assert answer.read() == b""


def test_status_headers_and_cookies_come_from_the_prelude(gateway: GatewayHarness) -> None:
    with gateway.request(
        "POST", "/api/stream/echo", b"\x00\xff", {"Content-Type": "application/octet-stream"}
    ) as answer:
        assert answer.status == 201
        assert answer.getheader("x-two") == "1, 2"
        assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert answer.getheader("apigw-requestid")
        assert answer.getheader("server", "").startswith("pointsman-local")
        assert answer.getheader("transfer-encoding") == "chunked"
        assert json.load(answer)["body"] == "00ff"


def test_an_answer_without_a_body_has_none(gateway: GatewayHarness) -> None:
    with gateway.request("POST", "/api/stream/none") as answer:
        assert (answer.status, answer.read()) == (204, b"")
    with gateway.request("HEAD", "/api/stream/echo") as answer:
        assert (answer.status, answer.read()) == (201, b"")


def test_both_kinds_of_api_are_at_one_address_and_the_more_specific_route_wins(gateway: GatewayHarness) -> None:
    assert request_json(gateway, "GET", "/api/other")["routeKey"] == "ANY /api/{proxy+}"
    assert request_json(gateway, "GET", "/elsewhere")["routeKey"] == "$default"
    assert request_json(gateway, "POST", "/api/stream/echo")["event"]["resource"] == "/api/stream/{what}"
    assert request_json(gateway, "PUT", "/api/stream/echo")["method"] == "PUT"


def test_the_authorizers_context_reaches_the_function_as_strings(gateway: GatewayHarness) -> None:
    identity = request_json(gateway, "POST", "/api/stream/echo")["event"]["requestContext"]["authorizer"]
    assert identity == {
        "user": "u1", "number": "5", "yes": "true", "type": "REQUEST", "principalId": "u1", "integrationLatency": 1,
    }  # fmt: skip
    assert "authorizer" not in request_json(gateway, "PUT", "/api/stream/echo")["event"]["requestContext"]


@pytest.mark.parametrize(
    ("user", "status", "message"),
    [("denied", 403, "User is not authorized to access this resource"), ("broken", 500, "Internal server error")],
)
def test_whom_the_authorizer_does_not_let_in_is_refused(
    gateway: GatewayHarness, user: str, status: int, message: str
) -> None:
    with gateway.request("POST", "/api/stream/echo", headers={"X-User": user}) as answer:
        assert (answer.status, json.load(answer)) == (status, {"message": message})


def test_an_error_before_the_first_byte_is_a_502(gateway: GatewayHarness) -> None:
    with gateway.request("POST", "/api/stream/early") as answer:
        assert (answer.status, json.load(answer)) == (502, {"message": "Internal server error"})
    assert "StreamFunction failed: ValueError: no good" in gateway.console_output.getvalue()


def test_a_function_that_does_not_stream_is_a_502_on_a_route_that_does(gateway: GatewayHarness) -> None:
    with gateway.request("GET", "/api/no-prelude") as answer:
        assert answer.status == 502


def test_an_error_in_the_middle_cuts_the_connection(gateway: GatewayHarness) -> None:
    assert is_cut_off(start_stream(gateway, "stream/late"))
    assert not is_cut_off(start_stream(gateway, "stream/whole"))


def test_the_function_is_cancelled_before_its_timeout(gateway: GatewayHarness) -> None:
    assert is_cut_off(start_stream(gateway, "short/forever"))
    log = (gateway.log_folder / "ShortFunction.log").read_text()
    assert "Runtime.DeadlineExceeded" in log
    assert len(gateway.workers("ShortFunction")) == 1


def test_a_function_that_goes_on_is_killed_at_its_timeout(gateway: GatewayHarness, tmp_path: Path) -> None:
    response = start_stream(gateway, "short/stuck", tmp_path)
    worker = next(worker for worker in gateway.workers("ShortFunction") if worker["requestId"])
    assert is_cut_off(response)
    assert (tmp_path / "cancelled").exists()
    wait_until(lambda: has_exited(worker["pid"]))
    assert "Task timed out after 2.00 seconds" in (gateway.log_folder / "ShortFunction.log").read_text()


def test_killing_the_process_cuts_the_connection(gateway: GatewayHarness) -> None:
    response = start_stream(gateway, "stream/forever")
    (busy_worker,) = (worker for worker in gateway.workers("StreamFunction") if worker["requestId"])
    os.kill(busy_worker["pid"], signal.SIGKILL)
    assert is_cut_off(response)
    assert request_json(gateway, "POST", "/api/stream/echo")["pid"] != busy_worker["pid"]


def send_request(gateway: GatewayHarness, path: str, until: bytes = b"") -> socket.socket:
    """Send a request, and read its answer until it contains the given bytes; returns the connection."""
    client = socket.create_connection(gateway.address, timeout=30)
    client.sendall(f"POST /api/{path} HTTP/1.1\r\nHost: x\r\nX-User: u1\r\nContent-Length: 0\r\n\r\n".encode())
    received = b""
    while until not in received:
        received += client.recv(65536)
    return client


def is_free(gateway: GatewayHarness, function: str = "StreamFunction") -> bool:
    return not any(worker["requestId"] for worker in gateway.workers(function))


def test_a_function_whose_client_is_gone_fails_to_write(gateway: GatewayHarness, tmp_path: Path) -> None:
    send_request(gateway, f"stream/gone?control={tmp_path}", until=b"begun").close()
    (tmp_path / "go").touch()
    wait_until((tmp_path / "lost").exists)
    wait_until(lambda: is_free(gateway))
    # Nobody has done anything wrong.
    assert "[ERROR] BrokenPipeError" not in (gateway.log_folder / "StreamFunction.log").read_text()


def test_a_function_that_writes_nothing_is_told_that_its_client_is_gone(
    gateway: GatewayHarness, tmp_path: Path
) -> None:
    send_request(gateway, f"stream/listening?control={tmp_path}", until=b"begun").close()
    wait_until((tmp_path / "disconnected").exists)
    wait_until(lambda: is_free(gateway))


def test_a_function_whose_client_went_before_its_first_byte_is_told_at_its_first_write(
    gateway: GatewayHarness, tmp_path: Path
) -> None:
    client = send_request(gateway, f"stream/slow?control={tmp_path}")
    wait_until(lambda: not is_free(gateway))
    client.close()
    (tmp_path / "0").touch()
    wait_until(lambda: is_free(gateway))


@pytest.mark.limit("unread-chunk")
def test_a_stream_that_its_client_does_not_read_is_cut(tmp_path: Path) -> None:
    gateway = GatewayHarness(tmp_path / "logs", write_timeout=1.0)
    try:
        with send_request(gateway, "stream/endless", until=b"begun") as client:
            # Who reads in time gets more than all buffers hold; who then does not is cut.
            received = 0
            while received < 30_000_000:
                received += len(client.recv(1_000_000))
            wait_until(lambda: "was silent or took too long, and was cut" in gateway.console_output.getvalue())
            wait_until(lambda: is_free(gateway))
    finally:
        gateway.close()


@pytest.mark.limit("buffered-stream")
def test_a_function_waits_while_more_than_the_buffer_is_unread() -> None:
    async def fill() -> None:
        stream = ResponseStream()
        for _ in range(4):
            await asyncio.wait_for(stream.put(bytes(64 * 1024)), 5)
        writing = asyncio.create_task(stream.put(b"more"))
        assert await asyncio.wait({writing}, timeout=0.2) == (set(), {writing})
        assert await stream.get() == bytes(64 * 1024)
        await asyncio.wait_for(writing, 5)

    asyncio.run(fill())


def test_a_silent_stream_is_cut_and_its_function_runs_on(tmp_path: Path) -> None:
    gateway = GatewayHarness(tmp_path / "logs", idle_timeout=1.0)
    try:
        gateway.run_coroutine(gateway.lambda_service.prewarm(["StreamFunction", "AuthorizerFunction"]))
        assert is_cut_off(start_stream(gateway, "stream/forever"))
        assert [worker for worker in gateway.workers("StreamFunction") if worker["requestId"]]
    finally:
        gateway.close()


def test_a_stream_is_cut_at_the_routes_limit_and_its_function_runs_on(gateway: GatewayHarness, tmp_path: Path) -> None:
    gateway.run_coroutine(gateway.lambda_service.prewarm(["StreamFunction"]))
    assert is_cut_off(start_stream(gateway, "brief/steps", tmp_path))
    assert "was silent or took too long" in gateway.console_output.getvalue()
    with gateway.request("POST", f"/api/brief/slow?control={tmp_path}") as answer:
        assert (answer.status, json.load(answer)) == (504, {"message": "Endpoint request timed out"})
    for number in range(3):
        (tmp_path / str(number)).touch()
    wait_until(lambda: not any(worker["requestId"] for worker in gateway.workers("StreamFunction")))


def test_the_process_is_the_wrappers_and_shows_its_handler(gateway: GatewayHarness) -> None:
    pid = request_json(gateway, "POST", "/api/stream/echo")["pid"]
    assert psutil.Process(pid).cmdline()[1:] == ["-u", "-m", "pointsman.streaming", "stream.app"]
    # And is there for the next stream; which of the idle ones that gets is another matter.
    wait_until(lambda: any((one["pid"], one["state"]) == (pid, "idle") for one in gateway.workers("StreamFunction")))


@pytest.mark.limit("streams-of-the-runner")
def test_streams_at_once_have_a_process_each_up_to_the_limit(tmp_path: Path) -> None:
    gateway = GatewayHarness(tmp_path / "logs", max_streams=2)
    try:
        open_responses = [start_stream(gateway, "stream/steps", tmp_path) for _ in range(2)]
        assert len(gateway.workers("StreamFunction")) == 2
        queued_client = http.client.HTTPConnection(*gateway.address, timeout=30)
        queued_client.request("POST", "/api/stream/echo", headers={"X-User": "u1", "Connection": "close"})
        wait_until(lambda: gateway.queue_length("StreamFunction") == 1)
        for number in range(3):
            (tmp_path / str(number)).touch()
        assert [answer.read() for answer in open_responses] == [b"012", b"012"]
        with queued_client.getresponse() as answer:
            assert answer.status == 201
    finally:
        gateway.close()


@pytest.mark.limit("reserved-concurrency")
def test_a_function_has_at_most_its_reserved_number_of_processes(tmp_path: Path) -> None:
    template = Template.load(TEMPLATE, {})
    reserved = replace(template.functions["StreamFunction"], reserved_concurrency=1)
    functions = {**template.functions, "StreamFunction": reserved}
    gateway = GatewayHarness(tmp_path / "logs", template=replace(template, functions=functions))
    try:
        with start_stream(gateway, "stream/steps", tmp_path) as first, send_request(gateway, "stream/echo"):
            wait_until(lambda: gateway.queue_length("StreamFunction") == 1)
            for number in range(3):
                (tmp_path / str(number)).touch()
            assert first.read() == b"012"
            wait_until(lambda: gateway.queue_length("StreamFunction") == 0)
            assert len(gateway.workers("StreamFunction")) == 1
    finally:
        gateway.close()


@pytest.mark.limit("queued-invocations")
def test_a_request_is_refused_that_too_many_wait_before(tmp_path: Path) -> None:
    gateway = GatewayHarness(tmp_path / "logs", max_streams=1, max_queue_length=2)
    try:
        with start_stream(gateway, "stream/listening", tmp_path):
            queued = [send_request(gateway, "stream/echo") for _ in range(2)]
            wait_until(lambda: gateway.queue_length("StreamFunction") == 2)
            with gateway.request("POST", "/api/stream/echo") as answer:
                assert (answer.status, json.load(answer)) == (500, {"message": "Internal server error"})
            with pytest.raises(TooManyRequests):
                gateway.run_coroutine(gateway.lambda_service.invoke("StreamFunction", b"{}"))
            # Who no longer waits gives up the place.
            queued.pop().close()
            wait_until(lambda: gateway.queue_length("StreamFunction") == 1)
            queued.append(send_request(gateway, "stream/echo"))
            wait_until(lambda: gateway.queue_length("StreamFunction") == 2)
            for client in queued:
                client.close()
            wait_until(lambda: gateway.queue_length("StreamFunction") == 0)
    finally:
        gateway.close()


def test_changed_code_lets_a_stream_end_and_takes_the_next_to_a_new_process(
    gateway: GatewayHarness, tmp_path: Path
) -> None:
    with start_stream(gateway, "stream/steps", tmp_path) as answer:
        gateway.call_in_loop(gateway.lambda_service.retire_all)
        for number in range(3):
            (tmp_path / str(number)).touch()
        assert answer.read() == b"012"
    pids = {worker["pid"] for worker in gateway.workers("StreamFunction") if worker["retired"]}
    assert request_json(gateway, "POST", "/api/stream/echo")["pid"] not in pids


def test_a_wrapper_that_no_layer_has_is_reported(gateway: GatewayHarness) -> None:
    result = gateway.run_coroutine(gateway.lambda_service.invoke("NoWrapperFunction", b"{}"))
    assert (result.error_type, result.error) == ("Runtime.StartError", "Unhandled")
    assert "no layer has /opt/python/nothing" in result.error_message


def test_a_streamed_answer_is_whole_for_a_caller_who_does_not_stream(gateway: GatewayHarness) -> None:
    event = {
        "httpMethod": "POST", "path": "/api/stream/whole",
        "requestContext": {"identity": {"sourceIp": "127.0.0.1"}}, "body": base64.b64encode(b"x").decode(),
    }  # fmt: skip
    result = gateway.run_coroutine(gateway.lambda_service.invoke("StreamFunction", json.dumps(event).encode()))
    head, _, body = result.payload.partition(b"\0" * 8)
    assert (json.loads(head)["statusCode"], body) == (200, b"begun")
    event["path"] = "/api/stream/late"
    result = gateway.run_coroutine(gateway.lambda_service.invoke("StreamFunction", json.dumps(event).encode()))
    assert (result.error, result.error_message) == ("Unhandled", "no good")

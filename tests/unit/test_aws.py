"""What comes of each answer of Step Functions, over a socket."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pointsman import aws

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Any"
THROTTLED = (400, "ThrottlingException")
EXISTS = (400, "ExecutionAlreadyExists")
DENIED = (400, "AccessDeniedException")
AWAY = (503, "ServiceUnavailable")
OK = (200, "")

Answers = list[tuple[int, str]]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answers], Answers]]:
    """Let Step Functions answer this, one after the other; the list holds what has not been asked for."""
    answers: Answers = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, kind = answers.pop(0)
            body = json.dumps({"__type": kind}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")

    def order(wanted: Answers) -> Answers:
        answers[:] = wanted
        return answers

    yield order
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("last", [OK, EXISTS])
def test_what_may_pass_is_asked_again(answering: Callable[[Answers], Answers], last: tuple[int, str]) -> None:
    left = answering([THROTTLED, AWAY, last])
    aws.start_execution(MACHINE, "one", {})
    assert left == []


def test_refusal_is_taken_for_one(answering: Callable[[Answers], Answers]) -> None:
    left = answering([DENIED, OK])
    with pytest.raises(aws.StartFailed) as caught:
        aws.start_execution(MACHINE, "one", {})
    assert (caught.value.refused, left) == (True, [OK])


@pytest.mark.parametrize("one", [THROTTLED, AWAY])
def test_what_does_not_pass_is_no_refusal(answering: Callable[[Answers], Answers], one: tuple[int, str]) -> None:
    left = answering([one, one, one, OK])
    with pytest.raises(aws.StartFailed) as caught:
        aws.start_execution(MACHINE, "one", {})
    assert (caught.value.refused, left) == (False, [OK])


def test_token_of_nobody_wakes_nobody(answering: Callable[[Answers], Answers]) -> None:
    answering([AWAY, (400, "TaskTimedOut")])
    assert aws.send_task_success("token") is False

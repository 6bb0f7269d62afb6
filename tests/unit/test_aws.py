"""What comes of each answer of Step Functions, over a socket."""

from collections.abc import Callable, Iterator

import pytest

from pointsman import aws
from tests.servers import json_server

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

    def answer(_asked: object) -> tuple[int, object]:
        status, kind = answers.pop(0)
        return status, {"__type": kind}

    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")

    def order(wanted: Answers) -> Answers:
        answers[:] = wanted
        return answers

    with json_server(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield order


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

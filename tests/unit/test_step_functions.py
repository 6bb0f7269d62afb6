"""What comes of each answer of Step Functions, over a socket."""

from collections.abc import Callable, Iterator

import pytest

from pointsman.workflows import step_functions
from tests.harness.json_server import serve_json

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Any"
THROTTLED = (400, "ThrottlingException")
EXISTS = (400, "ExecutionAlreadyExists")
DENIED = (400, "AccessDeniedException")
UNAVAILABLE = (503, "ServiceUnavailable")
OK = (200, "")

ScriptedAnswers = list[tuple[int, str]]


@pytest.fixture
def script_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[ScriptedAnswers], ScriptedAnswers]]:
    """Let Step Functions answer this, one after the other; the list holds what has not been asked for."""
    answers: ScriptedAnswers = []

    def answer(_asked: object) -> tuple[int, object]:
        status, kind = answers.pop(0)
        return status, {"__type": kind}

    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")

    def script(wanted_answers: ScriptedAnswers) -> ScriptedAnswers:
        answers[:] = wanted_answers
        return answers

    with serve_json(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield script


@pytest.mark.parametrize("last", [OK, EXISTS])
def test_transient_errors_are_retried(
    script_answers: Callable[[ScriptedAnswers], ScriptedAnswers], last: tuple[int, str]
) -> None:
    left = script_answers([THROTTLED, UNAVAILABLE, last])
    step_functions.start_execution(MACHINE, "one", {})
    assert left == []


def test_rejection_is_not_retried(script_answers: Callable[[ScriptedAnswers], ScriptedAnswers]) -> None:
    left = script_answers([DENIED, OK])
    with pytest.raises(step_functions.StepFunctionsError) as caught:
        step_functions.start_execution(MACHINE, "one", {})
    assert (caught.value.rejected, left) == (True, [OK])


@pytest.mark.parametrize("one", [THROTTLED, UNAVAILABLE])
def test_exhausted_retries_are_not_a_rejection(
    script_answers: Callable[[ScriptedAnswers], ScriptedAnswers], one: tuple[int, str]
) -> None:
    left = script_answers([one, one, one, OK])
    with pytest.raises(step_functions.StepFunctionsError) as caught:
        step_functions.start_execution(MACHINE, "one", {})
    assert (caught.value.rejected, left) == (False, [OK])


def test_unknown_task_token_returns_false(script_answers: Callable[[ScriptedAnswers], ScriptedAnswers]) -> None:
    script_answers([UNAVAILABLE, (400, "TaskTimedOut")])
    assert step_functions.send_task_success("token") is False

"""The Step Functions client and every kind of response, over a socket."""

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
    """Scripts the responses, in turn; the returned list holds those that were not requested."""
    responses: ScriptedAnswers = []

    def respond(_asked: object) -> tuple[int, object]:
        status, kind = responses.pop(0)
        return status, {"__type": kind}

    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")

    def script(wanted_answers: ScriptedAnswers) -> ScriptedAnswers:
        responses[:] = wanted_answers
        return responses

    with serve_json(respond) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield script


@pytest.mark.parametrize("last", [OK, EXISTS])
def test_transient_errors_are_retried(
    script_answers: Callable[[ScriptedAnswers], ScriptedAnswers], last: tuple[int, str]
) -> None:
    remaining = script_answers([THROTTLED, UNAVAILABLE, last])
    step_functions.start_execution(MACHINE, "one", {})
    assert remaining == []


def test_rejection_is_not_retried(script_answers: Callable[[ScriptedAnswers], ScriptedAnswers]) -> None:
    remaining = script_answers([DENIED, OK])
    with pytest.raises(step_functions.StepFunctionsError) as caught:
        step_functions.start_execution(MACHINE, "one", {})
    assert (caught.value.rejected, remaining) == (True, [OK])


@pytest.mark.parametrize("failure", [THROTTLED, UNAVAILABLE])
def test_exhausted_retries_are_not_a_rejection(
    script_answers: Callable[[ScriptedAnswers], ScriptedAnswers], failure: tuple[int, str]
) -> None:
    remaining = script_answers([failure, failure, failure, OK])
    with pytest.raises(step_functions.StepFunctionsError) as caught:
        step_functions.start_execution(MACHINE, "one", {})
    assert (caught.value.rejected, remaining) == (False, [OK])


def test_unknown_task_token_returns_false(script_answers: Callable[[ScriptedAnswers], ScriptedAnswers]) -> None:
    script_answers([UNAVAILABLE, (400, "TaskTimedOut")])
    assert step_functions.send_task_success("token") is False

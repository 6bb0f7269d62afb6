"""The Step Functions client: three actions over `aws_client`."""

import json
import time
from collections.abc import Mapping
from random import uniform

from .. import aws_client
from ..errors import PointsmanError
from ..settings.aws import load_aws_access

__all__ = ["StepFunctionsError", "build_execution_name", "get_execution_status", "send_task_success", "start_execution"]

_RETRY_DELAYS = (0.4, 0.8)
"""Upper limits of the random delays before the second and the third attempt, in seconds."""
_CONNECT_SECONDS, _READ_SECONDS = 2, 5
"""Timeouts of one request."""
_STALE_TOKEN_ERRORS = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")
"""Errors of SendTaskSuccess for a token that no state waits with any more (AWS API reference)."""


class StepFunctionsError(PointsmanError):
    """A request to Step Functions failed.

    Attributes:
        rejected: Step Functions rejected the request and would again. Otherwise it was unavailable, or the outcome is
            unknown: the execution may have been started.
    """

    status, code, retryable = 503, "START_FAILED", True

    def __init__(self, message: str, *, rejected: bool = False) -> None:
        super().__init__(message)
        self.rejected = rejected


def start_execution(state_machine_arn: str, name: str, execution_input: Mapping[str, object]) -> None:
    """Start an execution. Does nothing if one of the same name was started before.

    Args:
        state_machine_arn: the state machine.
        name: the execution's name.
        execution_input: ids only: the console and the execution's history show it.

    Raises:
        StepFunctionsError: the execution was not started, or may not have been.
    """
    body = json.dumps(
        {"stateMachineArn": state_machine_arn, "name": name, "input": json.dumps(execution_input, sort_keys=True)}
    )
    status, response_body = _post_with_retries("StartExecution", body)
    if status == 200 or "ExecutionAlreadyExists" in response_body:
        return
    reason = f"status {status}" if status else "no answer"
    raise StepFunctionsError(
        f"Step Functions did not start the operation ({reason}); ask again",
        rejected=not aws_client.is_transient(status, response_body),
    )


def build_execution_name(subject_id: str, restarts: int) -> str:
    """Return the name of an operation's or prompt's execution: its id, and the number of restarts from the first on."""
    return f"{subject_id}-{restarts}" if restarts else subject_id


def get_execution_status(state_machine_arn: str, name: str) -> str | None:
    """Return `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`; None if there is no such execution.

    Raises:
        StepFunctionsError: the status could not be read.
    """
    arn = f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    status, response_body = _post("DescribeExecution", json.dumps({"executionArn": arn}))
    if status == 200:
        return str(json.loads(response_body)["status"])
    if "ExecutionDoesNotExist" in response_body:
        return None
    raise StepFunctionsError(f"Step Functions does not tell how an execution is (status {status})")


def send_task_success(task_token: str) -> bool:
    """Complete the state that waits with this task token; False if none waits with it any more.

    Raises:
        StepFunctionsError: the token was not delivered, or may not have been.
    """
    status, response_body = _post_with_retries("SendTaskSuccess", json.dumps({"taskToken": task_token, "output": "{}"}))
    if status == 200:
        return True
    if 400 <= status < 500 and any(error_name in response_body for error_name in _STALE_TOKEN_ERRORS):
        return False
    raise StepFunctionsError(f"Step Functions does not take a decision (status {status})")


def _post_with_retries(action: str, body: str) -> tuple[int, str]:
    """Send a request, and retry transient failures with jitter; returns the last status and body."""
    status, response_body = _post(action, body)
    for delay in _RETRY_DELAYS:
        if not aws_client.is_transient(status, response_body):
            break
        time.sleep(uniform(0, delay))  # noqa: S311 - jitter
        status, response_body = _post(action, body)
    return status, response_body


def _post(action: str, body: str) -> tuple[int, str]:
    """Send one request; returns the status and body, with status 0 if there was no response."""
    return aws_client.call(
        load_aws_access(), "states", action, body, connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS
    )

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (botocore carries no types)
"""The only module that speaks to AWS.

It uses botocore's signer and HTTP session directly. A full client costs several times as much at a cold start, because
it loads the whole service model and the endpoint rules for one call that is three fields of JSON.
"""

import json
import time
from collections.abc import Mapping
from functools import cache
from random import uniform
from typing import Any

from ..errors import PointsmanError
from ..settings.aws import AwsSettings

__all__ = ["StepFunctionsError", "build_execution_name", "get_execution_status", "send_task_success", "start_execution"]

_RETRY_DELAYS = (0.4, 0.8)
"""Seconds before the second attempt and the third, at most."""
_CONNECT_SECONDS, _READ_SECONDS = 2, 5
_STALE_TOKEN_ERRORS = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")


class StepFunctionsError(PointsmanError):
    """Step Functions did not take the execution, or does not tell how it is.

    `refused`: it said no, and will again. Otherwise it was away or busy, or has started it and could not say so.
    """

    status, code, retryable = 503, "START_FAILED", True

    def __init__(self, message: str, *, rejected: bool = False) -> None:
        super().__init__(message)
        self.rejected = rejected


def start_execution(state_machine_arn: str, name: str, execution_input: Mapping[str, object]) -> None:
    """Start an execution of this name. Nothing happens where one of the same name has been started before.

    `given` becomes readable in the console and in the history: ids only. Raises StartFailed.
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
        rejected=not _is_transient(status, response_body),
    )


def build_execution_name(subject_id: str, restarts: int) -> str:
    """Return the name of an operation's or prompt's execution: its id, and the number of restarts from the first on."""
    return f"{subject_id}-{restarts}" if restarts else subject_id


def get_execution_status(state_machine_arn: str, name: str) -> str | None:
    """`RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`; None for one that was never started.

    Raises StartFailed where Step Functions does not tell.
    """
    arn = f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    status, response_body = _post("DescribeExecution", json.dumps({"executionArn": arn}))
    if status == 200:
        return str(json.loads(response_body)["status"])
    if "ExecutionDoesNotExist" in response_body:
        return None
    raise StepFunctionsError(f"Step Functions does not tell how an execution is (status {status})")


def send_task_success(task_token: str) -> bool:
    """Let the state that waits with this token go on. False where none does any more. Raises StartFailed."""
    status, response_body = _post_with_retries("SendTaskSuccess", json.dumps({"taskToken": task_token, "output": "{}"}))
    if status == 200:
        return True
    if 400 <= status < 500 and any(error_name in response_body for error_name in _STALE_TOKEN_ERRORS):
        return False
    raise StepFunctionsError(f"Step Functions does not take a decision (status {status})")


def _post_with_retries(action: str, body: str) -> tuple[int, str]:
    """The call, again while what keeps it may pass: the last status and body."""
    status, response_body = _post(action, body)
    for delay in _RETRY_DELAYS:
        if not _is_transient(status, response_body):
            break
        time.sleep(uniform(0, delay))  # noqa: S311 - jitter
        status, response_body = _post(action, body)
    return status, response_body


def _is_transient(status: int, response_body: str) -> bool:
    return not 200 <= status < 500 or status == 429 or "Throttling" in response_body


def _post(action: str, body: str) -> tuple[int, str]:
    """One signed call of Step Functions: status and body; status 0 where no answer came."""
    # Loaded here: callers that join or refuse a request never need it.
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError

    settings = AwsSettings.load()
    request = AWSRequest(
        "POST",
        settings.endpoint_url or f"https://states.{settings.region}.amazonaws.com/",
        headers={"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AWSStepFunctions.{action}"},
        data=body,
    )
    SigV4Auth(settings, "states", settings.region).add_auth(request)
    try:
        response = _get_session().send(request.prepare())
    except BotoCoreError:  # A refused connection is none of its HTTPClientErrors.
        return 0, ""
    return int(response.status_code), str(response.text)


@cache
def _get_session() -> Any:
    """Kept: a new one reads all certificates and shakes hands anew, which takes longer than a call."""
    from botocore.httpsession import URLLib3Session

    return URLLib3Session(timeout=(_CONNECT_SECONDS, _READ_SECONDS))

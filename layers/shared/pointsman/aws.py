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

from .errors import PointsmanError
from .settings.aws import AwsSettings

__all__ = ["StartFailed", "execution_status", "send_task_success", "start_execution"]

_PAUSES = (0.4, 0.8)
"""Seconds before the second attempt and the third, at most."""
_CONNECT_SECONDS, _ANSWER_SECONDS = 2, 5
_GONE = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")


class StartFailed(PointsmanError):
    """Step Functions did not take the execution, or does not tell how it is.

    `refused`: it said no, and will again. Otherwise it was away or busy, or has started it and could not say so.
    """

    status, code, retryable = 503, "START_FAILED", True

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


def start_execution(state_machine_arn: str, name: str, given: Mapping[str, object]) -> None:
    """Start an execution of this name. Nothing happens where one of the same name has been started before.

    `given` becomes readable in the console and in the history: ids only. Raises StartFailed.
    """
    body = json.dumps({"stateMachineArn": state_machine_arn, "name": name, "input": json.dumps(given, sort_keys=True)})
    status, answer = _insist("StartExecution", body)
    if status == 200 or "ExecutionAlreadyExists" in answer:
        return
    what = f"status {status}" if status else "no answer"
    raise StartFailed(
        f"Step Functions did not start the operation ({what}); ask again", refused=not _may_pass(status, answer)
    )


def execution_status(state_machine_arn: str, name: str) -> str | None:
    """`RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`; None for one that was never started.

    Raises StartFailed where Step Functions does not tell.
    """
    arn = f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    status, answer = _post("DescribeExecution", json.dumps({"executionArn": arn}))
    if status == 200:
        return str(json.loads(answer)["status"])
    if "ExecutionDoesNotExist" in answer:
        return None
    raise StartFailed(f"Step Functions does not tell how an execution is (status {status})")


def send_task_success(token: str) -> bool:
    """Let the state that waits with this token go on. False where none does any more. Raises StartFailed."""
    status, answer = _insist("SendTaskSuccess", json.dumps({"taskToken": token, "output": "{}"}))
    if status == 200:
        return True
    if 400 <= status < 500 and any(gone in answer for gone in _GONE):
        return False
    raise StartFailed(f"Step Functions does not take a decision (status {status})")


def _insist(action: str, body: str) -> tuple[int, str]:
    """The call, again while what keeps it may pass: the last status and body."""
    status, answer = _post(action, body)
    for pause in _PAUSES:
        if not _may_pass(status, answer):
            break
        time.sleep(uniform(0, pause))  # noqa: S311 - jitter
        status, answer = _post(action, body)
    return status, answer


def _may_pass(status: int, answer: str) -> bool:
    return not 200 <= status < 500 or status == 429 or "Throttling" in answer


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
        answer = _session().send(request.prepare())
    except BotoCoreError:  # A refused connection is none of its HTTPClientErrors.
        return 0, ""
    return int(answer.status_code), str(answer.text)


@cache
def _session() -> Any:
    """Kept: a new one reads all certificates and shakes hands anew, which takes longer than a call."""
    from botocore.httpsession import URLLib3Session

    return URLLib3Session(timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS))

"""Approvals of tool calls: a person's decision, and the task token that wakes the execution after it."""

import json
import uuid
from dataclasses import replace

from ..db import prompt_runs, tool_calls, user_prompts
from ..db.connection import Connection, run_in_transaction
from ..errors import PromptNotFound
from ..workflows.step_functions import send_task_success
from .prompt_execution import try_wake

__all__ = ["UNSET", "decide", "register_task_token"]


class _Unset:
    """Type of `UNSET`."""


UNSET = _Unset()
"""No expected input; None is an input that a client may expect."""


def decide(
    user_id: str,
    prompt_id: str,
    tool_call_id: str,
    is_approved: bool,
    *,
    reason: str | None = None,
    expected_input: object = UNSET,
) -> None:
    """Approve or reject the waiting tool call, and wake the prompt's execution.

    Of several decisions about one call, exactly one is accepted.

    Args:
        user_id: the prompt's user.
        prompt_id: the prompt.
        tool_call_id: the call that the person was shown.
        is_approved: whether the call may run.
        reason: why it was rejected; the model reads it.
        expected_input: the call's input as the client saw it, parsed JSON. It must equal the stored one.

    Raises:
        PromptNotFound: the prompt is another user's, or does not wait for this call with this input.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    decision_id = uuid.uuid4().hex

    def record_decision(db: Connection) -> bool:
        if not user_prompts.belongs_to(db, prompt_id, user_id):
            return False
        prompt = prompt_runs.lock_for_update(db, prompt_id)
        if tool_calls.has_decision(db, prompt_id, decision_id):
            return True  # The retry of a commit whose response was lost.
        call = tool_calls.find_waiting(db, prompt_id)
        if prompt is None or prompt.status != "waiting":
            return False
        if call is None or call.id != tool_call_id or call.shown is None:
            return False
        if expected_input is not UNSET and not _is_same_json(expected_input, call.shown["input"]):
            return False
        if not tool_calls.record_decision(db, call, is_approved, reason, decision_id):
            return False
        prompt_runs.save(db, replace(prompt, status="running"), extend_deadline=True)
        return True

    if not run_in_transaction(record_decision):
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} does not wait for an approval of {tool_call_id[:128]!r}")
    try_wake(prompt_id)


def _is_same_json(left: object, right: object) -> bool:
    """Compare as text: in Python `1 == True` and `1 == 1.0`, in JSON they differ."""
    try:
        return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    except RecursionError:
        return False


def register_task_token(prompt_id: str, restarts: int, task_token: str) -> dict[str, object]:
    """Store the task token of the waiting execution, for the decision to use.

    If the prompt does not wait any more, or a newer execution runs it, the token is used at once.

    Args:
        prompt_id: the prompt.
        restarts: number of the execution that waits.
        task_token: Step Functions' token of the waiting state.

    Returns:
        `{"waiting": …}`: whether the token was stored.

    Raises:
        StepFunctionsError: the token could not be used.
        DatabaseUnavailable: Postgres cannot be reached.
    """

    def store(db: Connection) -> bool:
        prompt = prompt_runs.lock_for_update(db, prompt_id)
        if prompt is None or prompt.restarts != restarts or prompt.status != "waiting":
            return False
        prompt_runs.store_task_token(db, prompt_id, task_token)
        return True

    is_waiting = run_in_transaction(store)
    if not is_waiting:
        send_task_success(task_token)
    return {"waiting": is_waiting}

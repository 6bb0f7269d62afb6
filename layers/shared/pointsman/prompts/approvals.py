"""What people decide about a prompt: whether a call may run, and that the prompt must end."""

import json
import uuid
from dataclasses import replace

from ..db import prompt_runs, tool_calls, user_prompts
from ..db.connection import Connection, run_in_transaction
from ..errors import PromptNotFound
from ..workflows.step_functions import send_task_success
from . import prompt_execution

__all__ = ["decide", "register_task_token"]


class _Unset:
    """No input was sent along with the decision."""


UNSET = _Unset()


def decide(
    user_id: str,
    prompt_id: str,
    tool_call_id: str,
    is_approved: bool,
    *,
    reason: str | None = None,
    expected_input: object = UNSET,
) -> None:
    """Approve or reject the call that waits; the prompt goes on.

    A `given` input must be the one that was shown. Raises PromptNotFound where the prompt is another user's, does not
    wait for this call, or not any more: of many decisions about one call exactly one is taken.
    """
    decision_id = uuid.uuid4().hex

    def record_decision(db: Connection) -> bool:
        if not user_prompts.belongs_to(db, prompt_id, user_id):
            return False
        prompt = prompt_runs.lock_for_update(db, prompt_id)
        if tool_calls.has_decision(db, prompt_id, decision_id):
            return True  # By this very transaction, whose answer was lost.
        call = tool_calls.find_waiting(db, prompt_id)
        if (
            prompt is None
            or prompt.status != "waiting"
            or call is None
            or call.id != tool_call_id
            or call.shown is None
        ):
            return False
        if expected_input is not UNSET and _to_canonical_json(expected_input) != _to_canonical_json(
            call.shown["input"]
        ):
            return False
        if not tool_calls.record_decision(db, call, is_approved, reason, decision_id):
            return False
        prompt_runs.save(db, replace(prompt, status="running"), extend_deadline=True)
        return True

    if not run_in_transaction(record_decision):
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} does not wait for an approval of {tool_call_id[:128]!r}")
    prompt_execution.try_wake(lambda: prompt_execution.wake(prompt_id), prompt_id)


def _to_canonical_json(value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except RecursionError:
        return ""


def register_task_token(prompt_id: str, restarts: int, task_token: str) -> dict[str, object]:
    """Keep the token for whoever decides.

    Where somebody was faster than that, or the prompt is another execution's now, there is nothing to wait for: the
    token is used at once, and the execution goes on and sees why. Raises StartFailed where it cannot be.
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

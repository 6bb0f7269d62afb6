"""What people decide about a prompt: whether a call may run, and that the prompt must end."""

import json
import uuid
from dataclasses import replace

from ..db import prompt_calls, prompt_runs, prompts
from ..db.connection import Connection, run_in_transaction
from ..errors import PromptNotFound
from . import told, waking

__all__ = ["cancel", "decide"]

_CANCELLED_MESSAGE = "The prompt was cancelled"


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
        if not prompts.belongs_to(db, prompt_id, user_id):
            return False
        prompt = prompt_runs.lock_for_update(db, prompt_id)
        if prompt_calls.has_decision(db, prompt_id, decision_id):
            return True  # By this very transaction, whose answer was lost.
        call = prompt_calls.find_waiting(db, prompt_id)
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
        if not prompt_calls.record_decision(db, call, is_approved, reason, decision_id):
            return False
        prompt_runs.save(db, replace(prompt, status="running"), extend_deadline=True)
        return True

    if not run_in_transaction(record_decision):
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} does not wait for an approval of {tool_call_id[:128]!r}")
    waking.try_wake(lambda: waking.wake(prompt_id), prompt_id)


def cancel(user_id: str, prompt_id: str) -> None:
    """End the prompt as it is; one that has ended stays as it ended.

    What a running tool does cannot be taken back; nothing is begun any more. Raises PromptNotFound.
    """

    def end_once(db: Connection) -> bool:
        if not prompts.belongs_to(db, prompt_id, user_id):
            return False
        prompt_runs.lock_conversation(db, prompt_id)
        prompt = prompt_runs.lock_for_update(db, prompt_id)
        if prompt is None or prompt.status not in prompt_runs.ACTIVE_STATUSES:
            return prompt is not None
        call = prompt_calls.find_next_open(db, prompt_id)
        if call is not None and call.state == "running":
            result = told.unknown_outcome_result("the prompt was cancelled")
            prompt = told.append_tool_result(db, prompt, call, result, call.started_at or told.utc_now())
        prompt_runs.save(db, told.append_final_event(db, prompt, "cancelled", _CANCELLED_MESSAGE))
        return True

    if not run_in_transaction(end_once):
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} not found")
    waking.try_wake(lambda: waking.wake(prompt_id), prompt_id)


def _to_canonical_json(value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except RecursionError:
        return ""

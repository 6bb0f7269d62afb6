"""What people decide about a prompt: whether a call may run, and that the prompt must end."""

import json
import uuid
from dataclasses import replace

from ..db import prompt_calls, prompt_runs, prompts
from ..db.connection import Connection, run
from ..errors import PromptNotFound
from . import told, waking

__all__ = ["cancel", "decide"]

_CANCELLED = "The prompt was cancelled"


class _NotGiven:
    """No input was sent along with the decision."""


NOT_GIVEN = _NotGiven()


def decide(
    user_id: str,
    prompt_id: str,
    tool_call_id: str,
    approve: bool,
    *,
    reason: str | None = None,
    given: object = NOT_GIVEN,
) -> None:
    """Approve or reject the call that waits; the prompt goes on.

    A `given` input must be the one that was shown. Raises PromptNotFound where the prompt is another user's, does not
    wait for this call, or not any more: of many decisions about one call exactly one is taken.
    """
    decision = uuid.uuid4().hex

    def take(db: Connection) -> bool:
        if not prompts.is_of(db, prompt_id, user_id):
            return False
        prompt = prompt_runs.hold(db, prompt_id)
        if prompt_calls.is_decided(db, prompt_id, decision):
            return True  # By this very transaction, whose answer was lost.
        call = prompt_calls.waiting(db, prompt_id)
        if (
            prompt is None
            or prompt.status != "waiting"
            or call is None
            or call.id != tool_call_id
            or call.shown is None
        ):
            return False
        if given is not NOT_GIVEN and _canonical(given) != _canonical(call.shown["input"]):
            return False
        if not prompt_calls.decide(db, call, approve, reason, decision):
            return False
        prompt_runs.save(db, replace(prompt, status="running"), waited=True)
        return True

    if not run(take):
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} does not wait for an approval of {tool_call_id[:128]!r}")
    waking.try_to(lambda: waking.nudge(prompt_id), prompt_id)


def cancel(user_id: str, prompt_id: str) -> None:
    """End the prompt as it is; one that has ended stays as it ended.

    What a running tool does cannot be taken back; nothing is begun any more. Raises PromptNotFound.
    """

    def end(db: Connection) -> bool:
        if not prompts.is_of(db, prompt_id, user_id):
            return False
        prompt_runs.hold_conversation(db, prompt_id)
        prompt = prompt_runs.hold(db, prompt_id)
        if prompt is None or prompt.status not in prompt_runs.AT_WORK:
            return prompt is not None
        call = prompt_calls.next_open(db, prompt_id)
        if call is not None and call.state == "running":
            result = told.unknown_outcome("the prompt was cancelled")
            prompt = told.answered(db, prompt, call, result, call.started_at or told.now())
        prompt_runs.save(db, told.end(db, prompt, "cancelled", _CANCELLED))
        return True

    if not run(end):
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} not found")
    waking.try_to(lambda: waking.nudge(prompt_id), prompt_id)


def _canonical(value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except RecursionError:
        return ""

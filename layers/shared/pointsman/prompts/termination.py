"""Ending a prompt from outside the agent loop: it is cancelled, its execution failed, or it could not be started."""

from collections.abc import Callable

from ..db import audit_log, prompt_runs, tool_calls, user_prompts
from ..db.connection import Connection, run_in_transaction
from . import transcript
from .prompt_execution import try_wake
from .queries import prompt_not_found

__all__ = ["CANCELLED_MESSAGE", "cancel", "end_prompt", "terminate"]

CANCELLED_MESSAGE = "The prompt was cancelled"
"""The final event's message of a prompt that was cancelled."""

_FAILED_MESSAGE = "The prompt broke off and could not be gone on with"


def cancel(user_id: str, prompt_id: str) -> None:
    """Cancel the user's prompt. A prompt that has ended stays as it is.

    A tool that is running is not interrupted, but its result is dropped and nothing new starts.

    Raises:
        PromptNotFound: the user has no prompt of this id.
        DatabaseUnavailable: Postgres cannot be reached.
    """

    def end_if_owned(db: Connection) -> bool:
        if not user_prompts.belongs_to(db, prompt_id, user_id):
            return False
        if end_prompt(db, prompt_id, "cancelled", CANCELLED_MESSAGE, interruption="the prompt was cancelled"):
            audit_log.record(db, "prompt.cancel", "prompt", prompt_id, "succeeded")
        return True

    if not run_in_transaction(end_if_owned):
        raise prompt_not_found(prompt_id)
    try_wake(prompt_id)


def terminate(prompt_id: str, restarts: int) -> dict[str, object]:
    """End the prompt as failed because its execution number `restarts` failed.

    Nothing happens if the prompt has ended, or if a newer execution runs it.

    Returns:
        `{"closed": …}`: whether the prompt was ended by this call.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """

    def is_own(prompt: prompt_runs.PromptRun) -> bool:
        return prompt.restarts == restarts

    return {"closed": run_in_transaction(end_prompt, prompt_id, "failed", _FAILED_MESSAGE, may_end=is_own)}


def end_prompt(
    db: Connection,
    prompt_id: str,
    status: prompt_runs.PromptStatus,
    message: str,
    *,
    interruption: str = transcript.PROCESS_ENDED,
    may_end: Callable[[prompt_runs.PromptRun], bool] = lambda _prompt: True,
) -> bool:
    """End an active prompt in this transaction, with the final event `error`.

    A tool call that is running gets the result "outcome unknown".

    Args:
        db: the transaction's connection. It must not hold the prompt's lock yet: the conversation is locked first.
        prompt_id: the prompt.
        status: `failed` or `cancelled`.
        message: the error that the client sees.
        interruption: why a running call has no result.
        may_end: a further condition, evaluated under the prompt's lock.

    Returns:
        Whether the prompt was ended: False if it does not exist, has ended before, or `may_end` is False.
    """
    prompt_runs.lock_conversation(db, prompt_id)
    prompt = prompt_runs.lock_for_update(db, prompt_id)
    if prompt is None or prompt.status not in prompt_runs.ACTIVE_STATUSES or not may_end(prompt):
        return False
    call = tool_calls.find_next_open(db, prompt_id)
    if call is not None and call.state == "running":
        result = transcript.unknown_outcome_result(interruption, call.started_at)
        prompt = transcript.append_tool_result(db, prompt, call, result)
    prompt_runs.save(db, transcript.append_final_event(db, prompt, status, message))
    return True

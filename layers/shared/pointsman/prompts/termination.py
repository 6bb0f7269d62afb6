"""How a prompt ends before the loop has finished it: its user cancels it, or it cannot be resumed."""

from ..db import prompt_runs, tool_calls, user_prompts
from ..db.connection import Connection, run_in_transaction
from ..errors import PromptNotFound
from . import prompt_execution, transcript

__all__ = ["cancel", "terminate"]

_CANCELLED_MESSAGE = "The prompt was cancelled"
_FAILED_MESSAGE = "The prompt broke off and could not be gone on with"


def cancel(user_id: str, prompt_id: str) -> None:
    """Cancel the user's prompt; one that has ended stays as it ended.

    What a running tool does cannot be taken back; nothing new starts.

    Raises:
        PromptNotFound: the user has no prompt of this id.
    """

    def end_if_active(db: Connection) -> bool:
        if not user_prompts.belongs_to(db, prompt_id, user_id):
            return False
        prompt = _lock(db, prompt_id)
        if prompt is not None and prompt.status in prompt_runs.ACTIVE_STATUSES:
            _end(db, prompt, "cancelled", _CANCELLED_MESSAGE, "the prompt was cancelled")
        return prompt is not None

    if not run_in_transaction(end_if_active):
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} not found")
    prompt_execution.try_wake(lambda: prompt_execution.wake(prompt_id), prompt_id)


def terminate(prompt_id: str, restarts: int) -> dict[str, object]:
    """End the prompt as failed, unless it has ended or belongs to another execution than the one of this number."""

    def end_if_own(db: Connection) -> bool:
        prompt = _lock(db, prompt_id)
        if prompt is None or prompt.restarts != restarts or prompt.status not in prompt_runs.ACTIVE_STATUSES:
            return False
        _end(db, prompt, "failed", _FAILED_MESSAGE, "its process ended")
        return True

    return {"closed": run_in_transaction(end_if_own)}


def _lock(db: Connection, prompt_id: str) -> prompt_runs.PromptRun | None:
    """Lock the conversation, then the prompt: everybody locks in this order."""
    prompt_runs.lock_conversation(db, prompt_id)
    return prompt_runs.lock_for_update(db, prompt_id)


def _end(
    db: Connection, prompt: prompt_runs.PromptRun, status: prompt_runs.PromptStatus, message: str, interruption: str
) -> None:
    """Append the last event. A call that runs gets the result "outcome unknown", with `interruption` as its reason."""
    call = tool_calls.find_next_open(db, prompt.id)
    if call is not None and call.state == "running":
        result = transcript.unknown_outcome_result(interruption)
        prompt = transcript.append_tool_result(db, prompt, call, result, call.started_at or transcript.utc_now())
    prompt_runs.save(db, transcript.append_final_event(db, prompt, status, message))

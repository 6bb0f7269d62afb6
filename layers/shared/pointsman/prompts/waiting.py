"""Waiting for a person: the state machine's execution stands still, with a token that wakes it up."""

from ..aws import send_task_success
from ..db import prompt_runs
from ..db.connection import Connection, run_in_transaction

__all__ = ["register_task_token"]


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

"""Waiting for a person: the state machine's execution stands still, with a token that wakes it up."""

from ..aws import send_task_success
from ..db import prompt_runs
from ..db.connection import Connection, run

__all__ = ["wait"]


def wait(prompt_id: str, restarts: int, token: str) -> dict[str, object]:
    """Keep the token for whoever decides.

    Where somebody was faster than that, or the prompt is another execution's now, there is nothing to wait for: the
    token is used at once, and the execution goes on and sees why. Raises StartFailed where it cannot be.
    """

    def store(db: Connection) -> bool:
        prompt = prompt_runs.hold(db, prompt_id)
        if prompt is None or prompt.restarts != restarts or prompt.status != "waiting":
            return False
        prompt_runs.store_token(db, prompt_id, token)
        return True

    waiting = run(store)
    if not waiting:
        send_task_success(token)
    return {"waiting": waiting}

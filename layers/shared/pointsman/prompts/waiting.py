"""Waiting for a person: the state machine's execution stands still, with a token that wakes it up."""

from ..db import prompt_runs
from ..db.connection import Connection, run

__all__ = ["Decided", "wait"]


class Decided(Exception):
    """There is nothing to wait for any more; the state machine goes on at once. Its name is matched there."""


def wait(prompt_id: str, restarts: int, token: str) -> dict[str, object]:
    """Keep the token for whoever decides. Raises Decided where somebody was faster than that, or the prompt is another
    execution's now."""

    def store(db: Connection) -> bool:
        prompt = prompt_runs.hold(db, prompt_id)
        if prompt is None or prompt.restarts != restarts or prompt.status != "waiting":
            return False
        prompt_runs.store_token(db, prompt_id, token)
        return True

    if not run(store):
        raise Decided(f"Nothing is to be waited for in {prompt_id}")
    return {"waiting": True}

"""The end of a prompt that cannot be gone on with."""

from ..db import prompt_calls, prompt_runs
from ..db.connection import Connection, run
from . import told

__all__ = ["close"]


def close(prompt_id: str, restarts: int) -> dict[str, object]:
    """End the prompt with an error, unless it has ended or is another execution's."""

    def end(db: Connection) -> bool:
        prompt_runs.hold_conversation(db, prompt_id)
        prompt = prompt_runs.hold(db, prompt_id)
        if prompt is None or prompt.restarts != restarts or prompt.status not in prompt_runs.AT_WORK:
            return False
        call = prompt_calls.next_open(db, prompt_id)
        if call is not None and call.state == "running":
            result = told.unknown_outcome("its process ended")
            prompt = told.answered(db, prompt, call, result, call.started_at or told.now())
        prompt_runs.save(db, told.end(db, prompt, "failed", "The prompt broke off and could not be gone on with"))
        return True

    return {"closed": run(end)}

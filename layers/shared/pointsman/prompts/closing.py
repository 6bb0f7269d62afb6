"""The end of a prompt that cannot be gone on with."""

from ..db import prompt_calls, prompt_runs
from ..db.connection import Connection, run_in_transaction
from . import told

__all__ = ["terminate"]


def terminate(prompt_id: str, restarts: int) -> dict[str, object]:
    """End the prompt with an error, unless it has ended or is another execution's."""

    def fail(db: Connection) -> bool:
        prompt_runs.lock_conversation(db, prompt_id)
        prompt = prompt_runs.lock_for_update(db, prompt_id)
        if prompt is None or prompt.restarts != restarts or prompt.status not in prompt_runs.ACTIVE_STATUSES:
            return False
        call = prompt_calls.find_next_open(db, prompt_id)
        if call is not None and call.state == "running":
            result = told.unknown_outcome_result("its process ended")
            prompt = told.append_tool_result(db, prompt, call, result, call.started_at or told.utc_now())
        prompt_runs.save(
            db, told.append_final_event(db, prompt, "failed", "The prompt broke off and could not be gone on with")
        )
        return True

    return {"closed": run_in_transaction(fail)}

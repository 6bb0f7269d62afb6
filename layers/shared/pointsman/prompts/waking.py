"""A prompt's execution: starting it, waking it up while it waits, and starting another where it is gone.

Postgres knows all about a prompt, so an execution that is gone is no loss: another one goes on. Only the newest
execution, by the number of restarts, may touch the prompt.
"""

from collections.abc import Callable
from typing import Literal

from .. import log
from ..aws import StartFailed, execution_status, send_task_success, start_execution
from ..db import prompt_runs
from ..db.connection import run
from ..settings.api import state_machine_arn

__all__ = ["Done", "keep_going", "nudge", "start", "try_to"]

Waking = prompt_runs.Waking
Done = Literal["nothing", "woken", "started", "restarted"]


def start(prompt_id: str, restarts: int = 0) -> None:
    """Start the prompt's execution. Nothing happens where it has been started before. Raises StartFailed."""
    start_execution(
        state_machine_arn("prompt"), _name(prompt_id, restarts), {"promptId": prompt_id, "restarts": restarts}
    )


def nudge(prompt_id: str) -> Done:
    """Let the execution see what has changed: a decision, or the end. Raises StartFailed."""
    prompt = run(lambda db: prompt_runs.waking(db, prompt_id))
    if prompt is None:
        return "nothing"
    token = prompt.task_token
    if token is not None:
        known = send_task_success(token)
        run(lambda db: prompt_runs.forget_token(db, prompt_id, token))
        if known:
            return "woken"
    # Without a token the execution is on its way to the state that waits, and sees the change there; or it is gone.
    return keep_going(prompt) if prompt.status == "running" else "nothing"


def keep_going(prompt: Waking, dry: bool = False) -> Done:
    """See to it that an execution goes on with the prompt; with `dry` only tell what would be done.

    Raises StartFailed.
    """
    status = execution_status(state_machine_arn("prompt"), _name(prompt.id, prompt.restarts))
    if status == "RUNNING":
        if prompt.task_token is None or prompt.status != "running":
            return "nothing"
        return "woken" if dry else nudge(prompt.id)
    if status is None:
        # It was never started, or the machine has lost it: its name is free.
        if not dry:
            start(prompt.id, prompt.restarts)
        return "started"
    if dry:
        return "restarted"
    again = run(lambda db: prompt_runs.restart(db, prompt))
    if again is None:
        return "nothing"
    start(again.id, again.restarts)
    return "restarted"


def try_to(wake: Callable[[], Done], prompt_id: str) -> None:
    """Do it if Step Functions lets us: what has been decided is stored, and the recovery goes on with it otherwise."""
    try:
        wake()
    except StartFailed as error:
        log.say("warning", "prompt not woken", prompt_id=prompt_id, reason=error.message)


def _name(prompt_id: str, restarts: int) -> str:
    return f"{prompt_id}-{restarts}" if restarts else prompt_id

"""A prompt's execution: starting it, waking it up while it waits, and starting another where it is gone.

Postgres knows all about a prompt, so an execution that is gone is no loss: another one goes on. Only the newest
execution, by the number of restarts, may touch the prompt.
"""

from collections.abc import Callable
from typing import Literal

from .. import log
from ..aws import StepFunctionsError, get_execution_status, send_task_success, start_execution
from ..db import prompt_runs
from ..db.connection import run_in_transaction
from ..settings.api import load_state_machine_arn

__all__ = ["ResumeAction", "ensure_running", "start", "try_wake", "wake"]

PromptExecution = prompt_runs.PromptExecution
ResumeAction = Literal["nothing", "woken", "started", "restarted"]


def start(prompt_id: str, restarts: int = 0) -> None:
    """Start the prompt's execution. Nothing happens where it has been started before. Raises StartFailed."""
    start_execution(
        load_state_machine_arn("prompt"),
        _execution_name(prompt_id, restarts),
        {"promptId": prompt_id, "restarts": restarts},
    )


def wake(prompt_id: str) -> ResumeAction:
    """Let the execution see what has changed: a decision, or the end. Raises StartFailed."""
    prompt = run_in_transaction(lambda db: prompt_runs.get_execution(db, prompt_id))
    if prompt is None:
        return "nothing"
    token = prompt.task_token
    if token is not None:
        was_waiting = send_task_success(token)
        run_in_transaction(lambda db: prompt_runs.clear_task_token(db, prompt_id, token))
        if was_waiting:
            return "woken"
    # Without a token the execution is on its way to the state that waits, and sees the change there; or it is gone.
    return ensure_running(prompt) if prompt.status == "running" else "nothing"


def ensure_running(prompt: PromptExecution, dry_run: bool = False) -> ResumeAction:
    """See to it that an execution goes on with the prompt; with `dry` only tell what would be done.

    Raises StartFailed.
    """
    status = get_execution_status(load_state_machine_arn("prompt"), _execution_name(prompt.id, prompt.restarts))
    if status == "RUNNING":
        if prompt.task_token is None or prompt.status != "running":
            return "nothing"
        return "woken" if dry_run else wake(prompt.id)
    if status is None:
        # It was never started, or the machine has lost it: its name is free.
        if not dry_run:
            start(prompt.id, prompt.restarts)
        return "started"
    if dry_run:
        return "restarted"
    restarted = run_in_transaction(lambda db: prompt_runs.restart(db, prompt))
    if restarted is None:
        return "nothing"
    start(restarted.id, restarted.restarts)
    return "restarted"


def try_wake(action: Callable[[], ResumeAction], prompt_id: str) -> None:
    """Do it if Step Functions lets us: what has been decided is stored, and the recovery goes on with it otherwise."""
    try:
        action()
    except StepFunctionsError as error:
        log.write("warning", "prompt not woken", prompt_id=prompt_id, reason=error.message)


def _execution_name(prompt_id: str, restarts: int) -> str:
    return f"{prompt_id}-{restarts}" if restarts else prompt_id

"""A prompt's execution: starting it, waking it up while it waits, and starting another where it is gone.

Postgres knows all about a prompt, so an execution that is gone is no loss: another one goes on. Only the newest
execution, by the number of restarts, may touch the prompt.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from .. import log
from ..db import prompt_runs
from ..db.connection import run_in_transaction
from ..errors import PointsmanError
from ..settings.api import load_state_machine_arn
from ..settings.prompts import PromptSettings
from ..workflows.step_functions import (
    StepFunctionsError,
    build_execution_name,
    get_execution_status,
    send_task_success,
    start_execution,
)

__all__ = ["ResumeAction", "ensure_running", "recover_prompts", "start", "try_wake", "wake", "wake_if_stalled"]

PromptExecution = prompt_runs.PromptExecution
ResumeAction = Literal["nothing", "woken", "started", "restarted"]


def start(prompt_id: str, restarts: int = 0) -> None:
    """Start the prompt's execution. Nothing happens where it has been started before. Raises StartFailed."""
    start_execution(
        load_state_machine_arn("prompt"),
        build_execution_name(prompt_id, restarts),
        {"promptId": prompt_id, "restarts": restarts},
    )


def wake(prompt_id: str) -> ResumeAction:
    """Let the execution see what has changed: a decision, or the end. Raises StartFailed."""
    prompt = run_in_transaction(prompt_runs.get_execution, prompt_id)
    if prompt is None:
        return "nothing"
    token = prompt.task_token
    if token is not None:
        was_waiting = send_task_success(token)
        run_in_transaction(prompt_runs.clear_task_token, prompt_id, token)
        if was_waiting:
            return "woken"
    # Without a token the execution is on its way to the state that waits, and sees the change there; or it is gone.
    return ensure_running(prompt) if prompt.status == "running" else "nothing"


def ensure_running(prompt: PromptExecution, dry_run: bool = False) -> ResumeAction:
    """See to it that an execution goes on with the prompt; with `dry` only tell what would be done.

    Raises StartFailed.
    """
    status = get_execution_status(load_state_machine_arn("prompt"), build_execution_name(prompt.id, prompt.restarts))
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
    restarted = run_in_transaction(prompt_runs.restart, prompt)
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


_MAX_PER_RUN = 50
"""Executions that one run starts at most."""


def recover_prompts(event: Mapping[str, object]) -> dict[str, object]:
    """Let an execution go on with every prompt that is silent and has none; with `dry` in the event only tell.

    Returns what was done, by prompt id. A prompt that fails here is logged, and the others are gone on with.
    """
    dry_run, settings = event.get("dry") is True, PromptSettings.load()
    actions: dict[str, object] = {}
    for prompt in run_in_transaction(prompt_runs.list_stalled, settings.stalled_seconds):
        if len(actions) >= _MAX_PER_RUN:
            break
        try:
            action = ensure_running(prompt, dry_run)
        except PointsmanError as error:
            log.write("error", "prompt cannot be gone on with", prompt_id=prompt.id, reason=error.message)
            continue
        if action != "nothing":
            actions[prompt.id] = action
            log.write("warning", "prompt gone on with", prompt_id=prompt.id, what=action, dry=dry_run)
    return {"prompts": actions}


def wake_if_stalled(prompt_id: str) -> None:
    """The same for this prompt, for those who follow it and hear nothing. Never raises StartFailed."""
    settings = PromptSettings.load()
    for prompt in run_in_transaction(prompt_runs.list_stalled, settings.stalled_seconds, prompt_id):
        try_wake(lambda found=prompt: ensure_running(found), prompt_id)

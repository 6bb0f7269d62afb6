"""Executions of a prompt in Step Functions: start, wake while waiting, and replace if lost.

Postgres holds all state of a prompt, so a lost execution costs nothing: another one resumes the prompt. Executions are
numbered by `restarts`, 0 for the first, and only the newest may write the prompt.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Literal

from .. import log
from ..db import prompt_runs, stream_leases, tool_calls
from ..db.connection import run_in_transaction
from ..db.prompt_runs import PromptExecution
from ..errors import PointsmanError
from ..metrics import emit_metrics
from ..settings.aws import load_state_machine_arn
from ..settings.prompts import PromptSettings
from ..workflows.step_functions import (
    StepFunctionsError,
    build_execution_name,
    get_execution_status,
    send_task_success,
    start_execution,
)

__all__ = ["ResumeAction", "ensure_running", "recover_prompts", "start", "try_wake", "wake", "wake_if_stalled"]

ResumeAction = Literal["nothing", "woken", "started", "restarted"]

_MAX_PER_RUN = 50
"""Prompts that one run of the recovery resumes at most."""


def start(prompt_id: str, restarts: int = 0) -> None:
    """Start the prompt's execution number `restarts`, if it was not started before.

    Raises:
        StepFunctionsError: Step Functions rejected the start or did not respond.
    """
    start_execution(
        load_state_machine_arn("prompt"),
        build_execution_name(prompt_id, restarts),
        {"promptId": prompt_id, "restarts": restarts},
    )


def wake(prompt_id: str) -> ResumeAction:
    """Let the prompt's execution see a decision or the end: by its task token, else by `ensure_running`.

    Raises:
        StepFunctionsError: Step Functions rejected a call or did not respond.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    prompt = run_in_transaction(prompt_runs.get_execution, prompt_id)
    if prompt is None:
        return "nothing"
    token = prompt.task_token
    if token is not None:
        was_waiting = send_task_success(token)
        run_in_transaction(prompt_runs.clear_task_token, prompt_id, token)
        if was_waiting:
            return "woken"
    # Without a token the execution has not reached its waiting state, and sees the change there; or it is lost.
    return ensure_running(prompt) if prompt.status == "running" else "nothing"


def try_wake(prompt_id: str) -> None:
    """Wake the prompt's execution. A failure of Step Functions is logged: the recovery resumes the prompt then.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    with _log_step_functions_errors(prompt_id):
        wake(prompt_id)


def wake_if_stalled(prompt_id: str) -> None:
    """Resume this prompt if it is stalled; for the subscribers of its events. Failures are handled as in `try_wake`."""
    for prompt in run_in_transaction(prompt_runs.list_stalled, PromptSettings.load().stalled_seconds, prompt_id):
        with _log_step_functions_errors(prompt_id):
            ensure_running(prompt)


def ensure_running(prompt: PromptExecution, dry_run: bool = False) -> ResumeAction:
    """Make sure that an execution runs the prompt: start it, wake it, or start its successor.

    `wake` and this function call each other once at most: `wake` clears the task token before it calls.

    Args:
        prompt: the execution as it is stored.
        dry_run: change nothing.

    Returns:
        What was done, or with `dry_run` what would be done.

    Raises:
        StepFunctionsError: Step Functions rejected a call or did not respond.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    status = get_execution_status(load_state_machine_arn("prompt"), build_execution_name(prompt.id, prompt.restarts))
    if status == "RUNNING":
        if prompt.task_token is None or prompt.status != "running":
            return "nothing"
        return "woken" if dry_run else wake(prompt.id)
    if status is None:
        # It was never started, or the local runner has lost it: the name is free.
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


def recover_prompts(event: Mapping[str, object]) -> dict[str, object]:
    """Resume every stalled prompt, delete the leases of dead streams, and emit the metrics of prompts and approvals.

    A prompt that fails is logged, and the others are resumed all the same.

    Args:
        event: the schedule's event. With `"dry": true` nothing is changed.

    Returns:
        `{"prompts": {prompt_id: action}}`, without those for which there was nothing to do.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    dry_run = event.get("dry") is True
    actions: dict[str, object] = {}
    if not dry_run:
        run_in_transaction(stream_leases.delete_expired)
    stalled = run_in_transaction(prompt_runs.list_stalled, PromptSettings.load().stalled_seconds)
    approvals = run_in_transaction(tool_calls.measure_pending_approvals)
    emit_metrics(
        {
            "PromptsStalled": len(stalled),
            "ApprovalsPending": approvals.count,
            "OldestApprovalSeconds": approvals.oldest_seconds,
        }
    )
    for prompt in stalled:
        if len(actions) >= _MAX_PER_RUN:
            break
        try:
            action = ensure_running(prompt, dry_run)
        except PointsmanError as error:
            log.write("error", "prompt not resumed", prompt_id=prompt.id, reason=error.message)
            continue
        if action != "nothing":
            actions[prompt.id] = action
            log.write("warning", "prompt resumed", prompt_id=prompt.id, what=action, dry=dry_run)
    return {"prompts": actions}


@contextmanager
def _log_step_functions_errors(prompt_id: str) -> Generator[None]:
    try:
        yield
    except StepFunctionsError as error:
        log.write("warning", "prompt not woken", prompt_id=prompt_id, reason=error.message)

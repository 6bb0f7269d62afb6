"""The agent loop: advances a stored prompt until it ends, waits for a person, or the function's time is up."""

import time
from typing import Literal, TypedDict

from ...db import prompt_runs, tool_calls
from ...db.connection import run_in_transaction
from ...identity.permissions import parse_permissions
from ...misconfiguration import hide_setting
from ...settings.prompts import PromptSettings
from ..agent import Agent
from ..error_text import safe_error_text
from ..plugin import Prompt
from .model_turn import complete_prompt, fail_prompt, run_model_turn
from .ownership import OwnedPrompt, OwnershipLost, Progress
from .tool_call import process_call
from .turn_watch import OutOfTime

__all__ = ["MIN_WAIT_SECONDS", "NextStep", "advance_prompt"]

_TURN_RESERVE_SECONDS = 150.0
"""Seconds that a model turn or a tool call may take. Except for the first, none is started with less time left."""

_COMMIT_RESERVE_SECONDS = 20.0
"""Seconds before the function's end at which the wait for a model ends, so that there is time to record it."""
_MIN_TURN_SECONDS = 10.0

MIN_WAIT_SECONDS = 15
"""Shortest timeout of the waiting state. It must not fire while `await_approval` still stores the task token."""


class NextStep(TypedDict):
    """What the state machine does next, and how long it may wait for a decision, in whole seconds."""

    next: Literal["again", "wait", "done"]
    waitSeconds: int


_AGAIN: NextStep = {"next": "again", "waitSeconds": 0}
_DONE: NextStep = {"next": "done", "waitSeconds": 0}


def advance_prompt(agent: Agent, prompt_id: str, restarts: int, deadline: float) -> NextStep:
    """Advance the prompt as far as time allows.

    It is claimed first. If a later claim takes the ownership away, this attempt ends without an error.

    Args:
        agent: the agent whose plugins and tools the prompt uses.
        prompt_id: the prompt.
        restarts: number of the execution that calls. Only the newest one can claim.
        deadline: when the function ends, as a `time.monotonic()`.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    owned = OwnedPrompt.claim(prompt_id, restarts)
    if owned is None:
        return _DONE
    try:
        return _run_loop(agent, owned, deadline)
    except OwnershipLost:
        return _DONE


def _run_loop(agent: Agent, owned: OwnedPrompt, deadline: float) -> NextStep:
    settings = PromptSettings.load()
    prompt = _prepare_prompt(agent, owned)
    if prompt is None:
        return _DONE
    progress: Progress | None
    is_first, progress = True, Progress.CONTINUES
    while progress is Progress.CONTINUES:
        call = run_in_transaction(tool_calls.find_next_open, owned.prompt_run.id)
        if call is not None and call.state == "waiting" and call.seconds_left > 0:
            return _build_wait_step(call)
        if not is_first and deadline - time.monotonic() < _TURN_RESERVE_SECONDS:
            return _AGAIN
        if call is not None:
            progress = process_call(owned, prompt, call, settings)
        elif owned.prompt_run.is_direct:
            progress = complete_prompt(owned)
        else:
            progress = _take_model_turn(owned, prompt, settings, deadline, has_whole_function=is_first)
            if progress is None:
                return _AGAIN
        is_first = False
    return _load_wait_step(owned) if progress is Progress.WAITS else _DONE


def _prepare_prompt(agent: Agent, owned: OwnedPrompt) -> Prompt | None:
    """Let the plugins add to the prompt. If one fails, the prompt ends and the result is None."""
    prompt_run = owned.prompt_run
    try:
        prompt = Prompt(
            agent.services,
            user_id=prompt_run.user_id,
            prompt_id=prompt_run.id,
            conversation_id=prompt_run.conversation_id,
            permissions=parse_permissions(prompt_run.permissions),
        )
        if prompt_run.is_direct:
            prompt.add_client_tools(*(exposed.tool for exposed in agent.api.tools))
        else:
            agent.plugins.prepare(prompt)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and a retry would raise it again
        reason = safe_error_text(hide_setting(error), agent.services.secrets.values())
        fail_prompt(owned, f"The prompt could not be prepared: {reason}")
        return None
    return prompt


def _take_model_turn(
    owned: OwnedPrompt, prompt: Prompt, settings: PromptSettings, deadline: float, *, has_whole_function: bool
) -> Progress | None:
    """Run a model turn within the time of the prompt and of the function, or end the prompt at one of its limits.

    Returns:
        None if the function's time was too short, and the next invocation has more: the turn is requested again there.
    """
    prompt_seconds = run_in_transaction(prompt_runs.get_seconds_left, owned.prompt_run.id)
    if limit_error := _find_exceeded_limit(owned, settings, prompt_seconds):
        return fail_prompt(owned, limit_error)
    function_seconds = max(deadline - time.monotonic() - _COMMIT_RESERVE_SECONDS, _MIN_TURN_SECONDS)
    try:
        return run_model_turn(owned, prompt, settings, min(prompt_seconds, function_seconds))
    except OutOfTime:
        if prompt_seconds <= function_seconds:
            return fail_prompt(owned, _format_time_limit(settings))
        if not has_whole_function:
            return None
        return fail_prompt(owned, f"The model did not finish its answer within {function_seconds:.0f} seconds")


def _find_exceeded_limit(owned: OwnedPrompt, settings: PromptSettings, seconds_left: float) -> str | None:
    """Return the message for the limit that the prompt has reached, if any."""
    if owned.prompt_run.turns >= settings.max_steps:
        return f"The prompt did not come to an end within {settings.max_steps} steps"
    if owned.prompt_run.output_bytes >= settings.max_output_bytes:
        return f"The prompt's outputs are over the limit of {settings.max_output_bytes} bytes"
    return _format_time_limit(settings) if seconds_left <= 0 else None


def _format_time_limit(settings: PromptSettings) -> str:
    return f"The prompt did not come to an end within {settings.max_seconds:g} seconds of work"


def _load_wait_step(owned: OwnedPrompt) -> NextStep:
    """Read the waiting call for its remaining time. A decision may have been made since the call was stored."""
    call = run_in_transaction(tool_calls.find_waiting, owned.prompt_run.id)
    return _AGAIN if call is None else _build_wait_step(call)


def _build_wait_step(call: tool_calls.ToolCall) -> NextStep:
    # Rounded up, and a second more: the state must not time out before the approval expires, or it waits once more.
    return {"next": "wait", "waitSeconds": max(int(call.seconds_left) + 2, MIN_WAIT_SECONDS)}

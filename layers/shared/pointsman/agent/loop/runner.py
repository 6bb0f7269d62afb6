"""Going on with a prompt from where it is stored, until it ends, waits for a person, or the time is up."""

import time
from typing import Literal, TypedDict

from ...db import prompt_runs, tool_calls
from ...db.connection import run_in_transaction
from ...settings.prompts import PromptSettings
from ..agent import Agent
from ..error_text import safe_error_text
from ..plugin import Prompt
from .model_turn import fail_prompt, run_model_turn
from .ownership import OwnedPrompt, OwnershipLost
from .tool_call import process_call

__all__ = ["MIN_WAIT_SECONDS", "NextStep", "advance_prompt"]

_TURN_RESERVE_SECONDS = 150.0
"""Seconds that a turn of the model, or a tool, may take: none is begun with less, but for the first."""

MIN_WAIT_SECONDS = 15
"""The execution waits at least so many seconds, so that the function that keeps the token ends before."""


class NextStep(TypedDict):
    """What the state machine does next, and how long it may wait, in whole seconds."""

    next: Literal["again", "wait", "done"]
    waitSeconds: int


_AGAIN: NextStep = {"next": "again", "waitSeconds": 0}
_DONE: NextStep = {"next": "done", "waitSeconds": 0}


def advance_prompt(agent: Agent, prompt_id: str, restarts: int, deadline: float) -> NextStep:
    """Go on with the prompt for its execution of this number; `until` is a time.monotonic().

    Whoever goes on with it meanwhile supersedes this one, which then ends quietly. Raises DatabaseUnavailable.
    """
    owned = OwnedPrompt.claim(prompt_id, restarts)
    if owned is None:
        return _DONE
    try:
        return _run_turns(agent, owned, deadline)
    except OwnershipLost:
        return _DONE


def _run_turns(agent: Agent, owned: OwnedPrompt, deadline: float) -> NextStep:
    settings = PromptSettings.load()
    prompt = _prepare_prompt(agent, owned)
    is_first = True
    while prompt is not None:
        call = run_in_transaction(tool_calls.find_next_open, owned.prompt_run.id)
        if call is not None and call.state == "waiting" and call.seconds_left > 0:
            return _build_wait_step(call)
        if not is_first and deadline - time.monotonic() < _TURN_RESERVE_SECONDS:
            return _AGAIN
        is_first = False
        if call is not None:
            if process_call(owned, prompt, call, settings):
                return _load_wait_step(owned)
        elif limit_error := _find_exceeded_limit(owned, settings):
            fail_prompt(owned, limit_error)
            break
        elif run_model_turn(owned, prompt, settings):
            break
    return _DONE


def _prepare_prompt(agent: Agent, owned: OwnedPrompt) -> Prompt | None:
    """The prompt with what the plugins add; None where one of them fails, which ends it."""
    prompt_run = owned.prompt_run
    prompt = Prompt(
        agent.services, user_id=prompt_run.user_id, prompt_id=prompt_run.id, conversation_id=prompt_run.conversation_id
    )
    try:
        agent.plugins.prepare(prompt)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and it would every time
        fail_prompt(
            owned, f"The prompt could not be prepared: {safe_error_text(error, agent.services.secrets.values())}"
        )
        return None
    return prompt


def _find_exceeded_limit(owned: OwnedPrompt, settings: PromptSettings) -> str | None:
    """Which limit the prompt has reached."""
    if owned.prompt_run.turns >= settings.max_steps:
        return f"The prompt did not come to an end within {settings.max_steps} steps"
    if owned.prompt_run.output_bytes >= settings.max_output_bytes:
        return f"The prompt's outputs are over the limit of {settings.max_output_bytes} bytes"
    if run_in_transaction(prompt_runs.is_past_deadline, owned.prompt_run.id):
        return f"The prompt did not come to an end within {settings.max_seconds:g} seconds of work"
    return None


def _load_wait_step(owned: OwnedPrompt) -> NextStep:
    call = run_in_transaction(tool_calls.find_waiting, owned.prompt_run.id)
    return _AGAIN if call is None else _build_wait_step(call)


def _build_wait_step(call: tool_calls.ToolCall) -> NextStep:
    """A second more than is left, or it would wake up before the end and wait again."""
    return {"next": "wait", "waitSeconds": max(int(call.seconds_left) + 2, MIN_WAIT_SECONDS)}

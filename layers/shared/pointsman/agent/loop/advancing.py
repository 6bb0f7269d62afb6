"""Going on with a prompt from where it is stored, until it ends, waits for a person, or the time is up."""

import time
from typing import Literal, TypedDict

from ...db import prompt_calls, prompt_runs
from ...db.connection import run
from ...settings.prompts import PromptSettings
from ..bundle import Agent
from ..plugin import Prompt
from ..telling import readable
from .asking import ask, fail
from .calling import settle
from .held import Held, Superseded

__all__ = ["SHORTEST_WAIT", "Next", "advance"]

_RESERVE = 150.0
"""Seconds that a turn of the model, or a tool, may take: none is begun with less, but for the first."""

SHORTEST_WAIT = 15
"""The execution waits at least so many seconds, so that the function that keeps the token ends before."""


class Next(TypedDict):
    """What the state machine does next, and how long it may wait, in whole seconds."""

    next: Literal["again", "wait", "done"]
    waitSeconds: int


_AGAIN: Next = {"next": "again", "waitSeconds": 0}
_DONE: Next = {"next": "done", "waitSeconds": 0}


def advance(agent: Agent, prompt_id: str, restarts: int, until: float) -> Next:
    """Go on with the prompt for its execution of this number; `until` is a time.monotonic().

    Whoever goes on with it meanwhile supersedes this one, which then ends quietly. Raises DatabaseUnavailable.
    """
    held = Held.claim(prompt_id, restarts)
    if held is None:
        return _DONE
    try:
        return _advance(agent, held, until)
    except Superseded:
        return _DONE


def _advance(agent: Agent, held: Held, until: float) -> Next:
    settings = PromptSettings.load()
    prompt = _prepared(agent, held)
    first = True
    while prompt is not None:
        call = run(lambda db: prompt_calls.next_open(db, held.run.id))
        if call is not None and call.state == "waiting" and call.seconds_left > 0:
            return _wait(call)
        if not first and until - time.monotonic() < _RESERVE:
            return _AGAIN
        first = False
        if call is not None:
            if settle(held, prompt, call, settings):
                return _wait_for(held)
        elif over := _over(held, settings):
            fail(held, over)
            break
        elif ask(held, prompt, settings):
            break
    return _DONE


def _prepared(agent: Agent, held: Held) -> Prompt | None:
    """The prompt with what the plugins add; None where one of them fails, which ends it."""
    now = held.run
    prompt = Prompt(agent.services, user_id=now.user_id, prompt_id=now.id, conversation_id=now.conversation_id)
    try:
        agent.plugins.prepare(prompt)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and it would every time
        fail(held, f"The prompt could not be prepared: {readable(error, agent.services.secrets.values())}")
        return None
    return prompt


def _over(held: Held, settings: PromptSettings) -> str | None:
    """Which limit the prompt has reached."""
    if held.run.turns >= settings.max_steps:
        return f"The prompt did not come to an end within {settings.max_steps} steps"
    if held.run.output_bytes >= settings.max_output_bytes:
        return f"The prompt's outputs are over the limit of {settings.max_output_bytes} bytes"
    if run(lambda db: prompt_runs.past_deadline(db, held.run.id)):
        return f"The prompt did not come to an end within {settings.max_seconds:g} seconds of work"
    return None


def _wait_for(held: Held) -> Next:
    call = run(lambda db: prompt_calls.waiting(db, held.run.id))
    return _AGAIN if call is None else _wait(call)


def _wait(call: prompt_calls.Call) -> Next:
    """A second more than is left, or it would wake up before the end and wait again."""
    return {"next": "wait", "waitSeconds": max(int(call.seconds_left) + 2, SHORTEST_WAIT)}

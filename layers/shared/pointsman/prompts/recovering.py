"""Going on with prompts whose execution is gone, or was never told what has been decided."""

from collections.abc import Mapping

from .. import log
from ..db import prompt_runs
from ..db.connection import run
from ..errors import PointsmanError
from ..settings.prompts import PromptSettings
from . import waking

__all__ = ["nudge_if_silent", "recover"]

_AT_ONCE = 50
"""Executions that one run starts at most."""


def recover(event: Mapping[str, object]) -> dict[str, object]:
    """Let an execution go on with every prompt that is silent and has none; with `dry` in the event only tell.

    Returns what was done, by prompt id. A prompt that fails here is logged, and the others are gone on with.
    """
    dry, settings = event.get("dry") is True, PromptSettings.load()
    done: dict[str, object] = {}
    for prompt in run(lambda db: prompt_runs.silent(db, settings.silent_seconds)):
        if len(done) >= _AT_ONCE:
            break
        try:
            what = waking.keep_going(prompt, dry)
        except PointsmanError as error:
            log.say("error", "prompt cannot be gone on with", prompt_id=prompt.id, reason=error.message)
            continue
        if what != "nothing":
            done[prompt.id] = what
            log.say("warning", "prompt gone on with", prompt_id=prompt.id, what=what, dry=dry)
    return {"prompts": done}


def nudge_if_silent(prompt_id: str) -> None:
    """The same for this prompt, for those who follow it and hear nothing. Never raises StartFailed."""
    settings = PromptSettings.load()
    for prompt in run(lambda db: prompt_runs.silent(db, settings.silent_seconds, prompt_id)):
        waking.try_to(lambda found=prompt: waking.keep_going(found), prompt_id)

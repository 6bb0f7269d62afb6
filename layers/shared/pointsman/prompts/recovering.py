"""Going on with prompts whose execution is gone, or was never told what has been decided."""

from collections.abc import Mapping

from .. import log
from ..db import prompt_runs
from ..db.connection import run_in_transaction
from ..errors import PointsmanError
from ..settings.prompts import PromptSettings
from . import waking

__all__ = ["recover_prompts", "wake_if_stalled"]

_MAX_PER_RUN = 50
"""Executions that one run starts at most."""


def recover_prompts(event: Mapping[str, object]) -> dict[str, object]:
    """Let an execution go on with every prompt that is silent and has none; with `dry` in the event only tell.

    Returns what was done, by prompt id. A prompt that fails here is logged, and the others are gone on with.
    """
    dry_run, settings = event.get("dry") is True, PromptSettings.load()
    actions: dict[str, object] = {}
    for prompt in run_in_transaction(lambda db: prompt_runs.list_stalled(db, settings.stalled_seconds)):
        if len(actions) >= _MAX_PER_RUN:
            break
        try:
            action = waking.ensure_running(prompt, dry_run)
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
    for prompt in run_in_transaction(lambda db: prompt_runs.list_stalled(db, settings.stalled_seconds, prompt_id)):
        waking.try_wake(lambda found=prompt: waking.ensure_running(found), prompt_id)

"""Holding a prompt: only its holder writes, and each of its writes happens once."""

import uuid
from collections.abc import Callable
from dataclasses import replace

from ...db import prompt_runs
from ...db.connection import Connection, run_in_transaction

__all__ = ["OwnedPrompt", "OwnershipLost"]

PromptRun = prompt_runs.PromptRun


class OwnershipLost(Exception):
    """The prompt has ended, or another attempt has taken it over: nothing may be written any more."""


class OwnedPrompt:
    """A prompt that this attempt holds until another one claims it. `run` is as the last write has left it."""

    def __init__(self, prompt_run: PromptRun, owner: str) -> None:
        self.prompt_run = prompt_run
        self.owner = owner

    @classmethod
    def claim(cls, prompt_id: str, restarts: int) -> "OwnedPrompt | None":
        """Take the prompt over; None if it has ended or is a later execution's."""
        owner = uuid.uuid4().hex
        claimed = run_in_transaction(prompt_runs.claim, prompt_id, restarts, owner)
        return cls(claimed, owner) if claimed else None

    def write(
        self,
        update: Callable[[Connection, PromptRun], PromptRun],
        *,
        may_end: bool = False,
        extend_deadline: bool = False,
    ) -> None:
        """Do `work` in a transaction and save the prompt as it returns it.

        `ends` for work that may end the prompt, `waited` where the time since the last write was a person's. Raises
        Superseded.
        """

        def update_once(db: Connection) -> PromptRun:
            if may_end:
                prompt_runs.lock_conversation(db, self.prompt_run.id)
            stored = prompt_runs.lock_for_update(db, self.prompt_run.id)
            if stored is None or stored.owner != self.owner or stored.status not in prompt_runs.ACTIVE_STATUSES:
                raise OwnershipLost
            if stored.writes != self.prompt_run.writes:
                return stored  # This very transaction, whose answer was lost: nobody else counts while we hold it.
            updated = replace(update(db, stored), writes=stored.writes + 1)
            prompt_runs.save(db, updated, extend_deadline)
            return updated

        self.prompt_run = run_in_transaction(update_once)

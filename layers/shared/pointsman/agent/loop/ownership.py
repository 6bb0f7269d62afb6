"""Ownership of a prompt: only its newest claimant writes, and each write is committed once."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from ...db import prompt_runs
from ...db.connection import Connection, run_in_transaction
from ...db.prompt_runs import PromptRun

__all__ = ["OwnedPrompt", "OwnershipLost", "Progress"]


class Progress(Enum):
    """State in which a model turn or a tool call leaves an owned prompt."""

    CONTINUES = "continues"
    WAITS = "waits"
    """A person must decide."""
    ENDED = "ended"


class OwnershipLost(Exception):
    """The prompt has ended, or another attempt has claimed it: this attempt must not write any more."""


class OwnedPrompt:
    """A prompt that this attempt may write until another attempt claims it.

    `owner` is the fencing token of this attempt, `prompt_run.writes` the version that it expects.

    Attributes:
        prompt_run: the prompt as the last write left it.
        owner: a random id, new for each claim.
    """

    def __init__(self, prompt_run: PromptRun, owner: str) -> None:
        self.prompt_run = prompt_run
        self.owner = owner

    @classmethod
    def claim(cls, prompt_id: str, restarts: int) -> "OwnedPrompt | None":
        """Claim the prompt for its execution number `restarts`. None if it has ended or a newer execution runs it."""
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
        """Run `update` in a transaction under the prompt's lock, and save the prompt that it returns.

        Args:
            update: takes the connection and the stored prompt. It may run twice, but is committed once.
            may_end: `update` may end the prompt, so the conversation is locked first.
            extend_deadline: move the deadline by the time since the last write, in which a person was waited for.

        Raises:
            OwnershipLost: the prompt has ended or has another owner.
            DatabaseUnavailable: Postgres cannot be reached.
        """

        def update_once(db: Connection) -> PromptRun:
            if may_end:
                prompt_runs.lock_conversation(db, self.prompt_run.id)
            stored = prompt_runs.lock_for_update(db, self.prompt_run.id)
            if stored is None or stored.owner != self.owner or stored.status not in prompt_runs.ACTIVE_STATUSES:
                raise OwnershipLost
            if stored.writes != self.prompt_run.writes:
                return stored  # The retry of a commit whose response was lost: only the owner increments `writes`.
            updated = replace(update(db, stored), writes=stored.writes + 1)
            prompt_runs.save(db, updated, extend_deadline)
            return updated

        self.prompt_run = run_in_transaction(update_once)

"""Holding a prompt: only its holder writes, and each of its writes happens once."""

import uuid
from collections.abc import Callable
from dataclasses import replace

from ...db import prompt_runs
from ...db.connection import Connection, run

__all__ = ["Held", "Superseded"]

Run = prompt_runs.Run


class Superseded(Exception):
    """The prompt has ended, or another attempt has taken it over: nothing may be written any more."""


class Held:
    """A prompt that this attempt holds until another one claims it. `run` is as the last write has left it."""

    def __init__(self, prompt: Run, owner: str) -> None:
        self.run = prompt
        self.owner = owner

    @classmethod
    def claim(cls, prompt_id: str, restarts: int) -> "Held | None":
        """Take the prompt over; None if it has ended or is a later execution's."""
        owner = uuid.uuid4().hex
        claimed = run(lambda db: prompt_runs.claim(db, prompt_id, restarts, owner))
        return cls(claimed, owner) if claimed else None

    def write(self, work: Callable[[Connection, Run], Run], *, ends: bool = False, waited: bool = False) -> None:
        """Do `work` in a transaction and save the prompt as it returns it.

        `ends` for work that may end the prompt, `waited` where the time since the last write was a person's. Raises
        Superseded.
        """

        def once(db: Connection) -> Run:
            if ends:
                prompt_runs.hold_conversation(db, self.run.id)
            now = prompt_runs.hold(db, self.run.id)
            if now is None or now.owner != self.owner or now.status not in prompt_runs.AT_WORK:
                raise Superseded
            if now.writes != self.run.writes:
                return now  # This very transaction, whose answer was lost: nobody else counts while we hold it.
            done = replace(work(db, now), writes=now.writes + 1)
            prompt_runs.save(db, done, waited)
            return done

        self.run = run(once)

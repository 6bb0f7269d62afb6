"""Following a prompt: its events from any one on, and the model's text while it comes.

The database says of each new event that it is there; whoever cannot hear it sees it at the next look.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from ..db import prompt_events
from ..db.prompt_notes import Listener
from ..errors import DatabaseUnavailable, InvalidToolInput
from ..settings.prompts import PromptSettings
from .reading import unknown
from .recovering import nudge_if_silent

__all__ = ["LAST", "Follower", "Told"]

LAST = ("prompt.completed", "error")
"""Events after which none comes."""

_LOOK, _LOOK_SELDOM = 0.5, 5.0
"""Seconds between two looks: while nothing was heard, and when what came was heard of."""

_NUDGE = 1.0
"""Seconds between two nudges of a silent prompt, at least."""


class Told(NamedTuple):
    """What a follower is told; a piece of text has no number, as it is stored nowhere."""

    event: str
    data: Mapping[str, object]
    seq: int | None


class Follower:
    """One who follows a prompt. `seq` is the last event that he has, 0 for none; `ended` when there is no further."""

    def __init__(self, user_id: str, prompt_id: str, seq: int, listener: Listener | None = None) -> None:
        """`listener`: one that has listened since before the prompt was started."""
        self.seq = seq
        self.ended = False
        self._user_id, self._prompt_id = user_id, prompt_id
        self._listener = listener or Listener(prompt_id)
        self._every = _LOOK
        self._next_look = 0.0
        self._nudge_after = max(PromptSettings.load().silent_seconds, _NUDGE)
        self._next_nudge = 0.0
        self._just_begun = listener is not None
        # Text is handed on from the beginning of a turn only: together the pieces are a prefix of what is said.
        self._from_its_start = False
        self._text_is_out = False

    def open(self) -> list[Told]:
        """What is there after `seq`. Raises PromptNotFound, DatabaseUnavailable, and InvalidToolInput for a `seq` that
        this prompt does not have."""
        wanted, self.seq = self.seq, max(self.seq - 1, 0)
        told = self._read()
        if wanted and (not told or told[0].seq != wanted):
            issue = "There is no such event of this prompt"
            raise InvalidToolInput("Nothing can be resumed", [{"path": ["Last-Event-ID"], "message": issue}])
        now = time.monotonic()
        self._next_look = now + _LOOK
        # A prompt that somebody comes back to may have been left alone for long.
        self._next_nudge = now + (self._nudge_after if self._just_begun else 0.0)
        return told[1:] if wanted else told

    async def more(self, seconds: float) -> list[Told]:
        """What comes next, as soon as it comes; nothing after so many seconds.

        A database that is away meanwhile is waited for.
        """
        end = time.monotonic() + seconds
        while True:
            told = self._hear()
            if not told and time.monotonic() >= self._next_look:
                told = self._look()
                if not told:
                    continue  # A note that came while it looked is heard already, and would wake nobody.
                self._every = _LOOK  # Nobody has said so.
            now = time.monotonic()
            if told or now >= end:
                return told
            if now >= self._next_nudge:
                self._nudge()
                continue
            await self._listener.wait(max(min(end, self._next_look, self._next_nudge) - now, 0.0))

    def close(self) -> None:
        self._listener.close()

    def _hear(self) -> list[Told]:
        told: list[Told] = []
        for note in self._listener.heard():
            if "seq" in note:
                self._every = _LOOK_SELDOM
                if note["seq"] > self.seq:
                    told += self._look()
            elif note.get("after") == self.seq and not self.ended:
                told += self._piece(note.get("text"))
        if not self._listener.alive:
            self._next_look = min(self._next_look, time.monotonic() + _LOOK)
        return told

    def _piece(self, text: str | None) -> list[Told]:
        """A piece of the model's text; None where it begins anew."""
        if text is None:
            self._from_its_start = True
            return self._take_back()
        if not self._from_its_start:
            return []
        self._text_is_out = True
        return [Told("prompt.delta", {"promptId": self._prompt_id, "text": text}, None)]

    def _take_back(self) -> list[Told]:
        """The pieces since the last event are not to be gone on with."""
        if not self._text_is_out:
            return []
        self._text_is_out = False
        return [Told("prompt.delta", {"promptId": self._prompt_id, "text": "", "reset": True}, None)]

    def _look(self) -> list[Told]:
        try:
            told = self._read()
        except DatabaseUnavailable:
            self._every = _LOOK
            told = []
        self._next_look = time.monotonic() + self._every
        return told

    def _read(self) -> list[Told]:
        after, user_id, prompt_id = self.seq, self._user_id, self._prompt_id
        events, new = self._listener.read(lambda db: prompt_events.after(db, prompt_id, user_id, after))
        if events is None:
            raise unknown(prompt_id)
        told = [Told(one.event, one.data, one.seq) for one in events]
        if told:
            self.seq = events[-1].seq
            self.ended = events[-1].event in LAST
            self._text_is_out = self._from_its_start = False
            self._next_nudge = max(self._next_nudge, time.monotonic() + self._nudge_after)
            return told
        if new:
            # What was told between two connections is lost.
            self._from_its_start = False
            return self._take_back()
        return []

    def _nudge(self) -> None:
        """A prompt whose execution has died goes on because somebody looks at it."""
        with suppress(DatabaseUnavailable):
            nudge_if_silent(self._prompt_id)
        self._next_nudge = time.monotonic() + self._nudge_after

"""What can be ordered of the model: scripts, the turns in them, and which of them answers a request.

A script answers one prompt. Which turn is next is read from the input alone (how many turns of the model follow the
last user message), so a request that is sent again gets the same turn again. A script with `match` answers every prompt
whose last user message holds that text (the newest such script wins); one without is a queue's next, taken by the next
prompt that nothing matches and kept for it. The same conversation asked the same again keeps its script, unless another
was queued after that one had been played to its end. What is not scripted is answered as `demo.py` sees fit.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field

from local.simulator.wire import Obj

Break = Literal["error_event", "error_member", "failed", "truncated", "dropped"]


class _Strict(BaseModel, extra="forbid"):
    pass


class ScriptedCall(_Strict):
    """A tool call. `name` is a tool's id or wire name; one that is not among the tools is sent as it is. `arguments`
    given as a text are sent as they are, malformed ones too."""

    name: str
    arguments: str | Obj = Field(default_factory=dict[str, object])
    call_id: str | None = None


class ScriptedError(_Strict):
    """An HTTP error in place of an answer, in the shape that the configuration says."""

    status: int = Field(default=500, ge=400, le=599)
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    should_retry: bool | None = None


class ScriptedUsage(_Strict):
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)


class Turn(_Strict):
    """One answer of the model: text, refusal and calls in this order after reasoning, and what goes wrong with it.

    `error` replaces the answer, `breaks` ends it after `break_after` deltas; both strike `times` times for the same
    turn (null: always), then the turn is answered. Not streamed, `error_event` and `error_member` are a body with an
    error and HTTP 200, `truncated` is half a body. `incomplete` leaves the last item of the output unfinished. `other`
    are further output items as they are. `usage` null tells none. Times are in seconds.
    """

    text: str | None = None
    refusal: str | None = None
    calls: list[ScriptedCall] = Field(default_factory=list[ScriptedCall])
    reasoning: str | None = None
    other: list[Obj] = Field(default_factory=list[Obj])
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    error: ScriptedError | None = None
    breaks: Break | None = None
    break_after: int = Field(default=1, ge=0)
    code: str = "server_error"
    times: int | None = Field(default=1, ge=1)
    usage: ScriptedUsage | Literal["counted"] | None = "counted"
    latency_s: float = Field(default=0.0, ge=0)
    gap_s: float = Field(default=0.0, ge=0)


class Script(_Strict):
    """Turns of one prompt. After the last one it says `Done.`, or with `repeat` the last one again."""

    turns: list[Turn] = Field(min_length=1)
    match: str | None = None
    repeat: bool = False

    def turn(self, number: int) -> Turn:
        if number < len(self.turns):
            return self.turns[number]
        return self.turns[-1] if self.repeat else Turn(text="Done.")


@dataclass
class Ordered:
    """A script, when it was ordered, and when it was played to its end (both counted, not timed)."""

    id: int
    script: Script
    at: int
    ended_at: int | None = None


@dataclass
class ScriptBook:
    """All ordered scripts, which prompts have taken which, and how often each turn was asked for."""

    ordered: list[Ordered] = field(default_factory=list[Ordered])
    queue: list[Ordered] = field(default_factory=list[Ordered])
    taken: dict[str, Ordered] = field(default_factory=dict[str, Ordered])
    asked: Counter[tuple[int, str, int]] = field(default_factory=Counter[tuple[int, str, int]])
    clock: int = 0

    def add(self, script: Script) -> Ordered:
        self.clock += 1
        made = Ordered(len(self.ordered) + 1, script, self.clock)
        self.ordered.append(made)
        if script.match is None:
            self.queue.append(made)
        return made

    def take(self, prompt: str, text: str, number: int) -> Turn | None:
        """The turn that answers a request, None if it is not scripted.

        `prompt` stands for the input up to the last user message, `text` is that message, `number` the turn's.
        """
        found = self._find(prompt, text, number)
        if found is None:
            return None
        turn, place = found.script.turn(number), (found.id, prompt, number)
        strikes = turn.times is None or self.asked[place] < turn.times
        self.asked[place] += 1
        if (turn.error or turn.breaks) and strikes:
            return turn
        if number >= len(found.script.turns) - 1:
            self.clock += 1
            found.ended_at = self.clock
        return turn.model_copy(update={"error": None, "breaks": None})

    def _find(self, prompt: str, text: str, number: int) -> Ordered | None:
        for one in reversed(self.ordered):
            if one.script.match is not None and one.script.match in text:
                return one
        taken = self.taken.get(prompt)
        fresh = bool(self.queue) and number == 0
        if fresh and (taken is None or (taken.ended_at is not None and self.queue[0].at > taken.ended_at)):
            taken = self.taken[prompt] = self.queue.pop(0)
        return taken

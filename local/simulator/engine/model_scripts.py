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

from local.simulator.http.messages import Obj

BreakKind = Literal["error_event", "error_member", "failed", "truncated", "dropped"]


class _StrictModel(BaseModel, extra="forbid"):
    pass


class ScriptedToolCall(_StrictModel):
    """A tool call. `name` is a tool's id or wire name; one that is not among the tools is sent as it is. `arguments`
    given as a text are sent as they are, malformed ones too."""

    name: str
    arguments: str | Obj = Field(default_factory=dict[str, object])
    call_id: str | None = None


class ScriptedError(_StrictModel):
    """An HTTP error in place of an answer, in the shape that the configuration says."""

    status: int = Field(default=500, ge=400, le=599)
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    should_retry: bool | None = None


class ScriptedUsage(_StrictModel):
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)


class ScriptedTurn(_StrictModel):
    """One answer of the model: text, refusal and calls in this order after reasoning, and what goes wrong with it.

    `error` replaces the answer, `breaks` ends it after `break_after` deltas; both strike `times` times for the same
    turn (null: always), then the turn is answered. Not streamed, `error_event` and `error_member` are a body with an
    error and HTTP 200, `truncated` is half a body. `incomplete` leaves the last item of the output unfinished. `other`
    are further output items as they are. `usage` null tells none. Times are in seconds.
    """

    text: str | None = None
    refusal: str | None = None
    calls: list[ScriptedToolCall] = Field(default_factory=list[ScriptedToolCall])
    reasoning: str | None = None
    other: list[Obj] = Field(default_factory=list[Obj])
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    error: ScriptedError | None = None
    breaks: BreakKind | None = None
    break_after: int = Field(default=1, ge=0)
    code: str = "server_error"
    times: int | None = Field(default=1, ge=1)
    usage: ScriptedUsage | Literal["counted"] | None = "counted"
    latency_s: float = Field(default=0.0, ge=0)
    gap_s: float = Field(default=0.0, ge=0)


class Script(_StrictModel):
    """Turns of one prompt. After the last one it says `Done.`, or with `repeat` the last one again."""

    turns: list[ScriptedTurn] = Field(min_length=1)
    match: str | None = None
    repeat: bool = False

    def get_turn(self, number: int) -> ScriptedTurn:
        if number < len(self.turns):
            return self.turns[number]
        return self.turns[-1] if self.repeat else ScriptedTurn(text="Done.")


@dataclass
class ScriptEntry:
    """A script, when it was ordered, and when it was played to its end (both counted, not timed)."""

    id: int
    script: Script
    added_at: int
    ended_at: int | None = None


@dataclass
class ScriptRegistry:
    """All ordered scripts, which prompts have taken which, and how often each turn was asked for."""

    entries: list[ScriptEntry] = field(default_factory=list[ScriptEntry])
    queue: list[ScriptEntry] = field(default_factory=list[ScriptEntry])
    by_prompt: dict[str, ScriptEntry] = field(default_factory=dict[str, ScriptEntry])
    request_counts: Counter[tuple[int, str, int]] = field(default_factory=Counter[tuple[int, str, int]])
    counter: int = 0

    def add(self, script: Script) -> ScriptEntry:
        self.counter += 1
        entry = ScriptEntry(len(self.entries) + 1, script, self.counter)
        self.entries.append(entry)
        if script.match is None:
            self.queue.append(entry)
        return entry

    def select_turn(self, prompt_digest: str, user_text: str, turn_number: int) -> ScriptedTurn | None:
        """The turn that answers a request, None if it is not scripted.

        `prompt` stands for the input up to the last user message, `text` is that message, `number` the turn's.
        """
        entry = self._find_entry(prompt_digest, user_text, turn_number)
        if entry is None:
            return None
        turn, key = entry.script.get_turn(turn_number), (entry.id, prompt_digest, turn_number)
        should_fail = turn.times is None or self.request_counts[key] < turn.times
        self.request_counts[key] += 1
        if (turn.error or turn.breaks) and should_fail:
            return turn
        if turn_number >= len(entry.script.turns) - 1:
            self.counter += 1
            entry.ended_at = self.counter
        return turn.model_copy(update={"error": None, "breaks": None})

    def _find_entry(self, prompt_digest: str, user_text: str, turn_number: int) -> ScriptEntry | None:
        for entry in reversed(self.entries):
            if entry.script.match is not None and entry.script.match in user_text:
                return entry
        assigned = self.by_prompt.get(prompt_digest)
        can_take_next = bool(self.queue) and turn_number == 0
        if can_take_next and (
            assigned is None or (assigned.ended_at is not None and self.queue[0].added_at > assigned.ended_at)
        ):
            assigned = self.by_prompt[prompt_digest] = self.queue.pop(0)
        return assigned

"""Scripts for the model: turns to play, and the selection of the turn that answers a request.

A script answers one prompt. The next turn is derived from the input alone (the number of model turns after the last
user message), so a retried request gets the same turn again. A script with `match` answers every prompt whose last
user message contains that text; the newest such script wins. A script without `match` is queued: the next unmatched
prompt takes it and keeps it. A repeated prompt keeps its script, unless the script has ended and another was queued
since. Requests without a script get a turn from `model/demo_turns.py`.
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
    """A tool call in a scripted turn.

    Attributes:
        name: A tool's id or wire name; a name that is not among the request's tools is sent unchanged.
        arguments: A string is sent unchanged, malformed JSON included.
        call_id: None generates an id.
    """

    name: str
    arguments: str | Obj = Field(default_factory=dict[str, object])
    call_id: str | None = None


class ScriptedError(_StrictModel):
    """An HTTP error in place of a response, in the configured `error_shape`; `retry_after` is in seconds."""

    status: int = Field(default=500, ge=400, le=599)
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    should_retry: bool | None = None


class ScriptedUsage(_StrictModel):
    """The token counts that a response reports."""

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)


class ScriptedTurn(_StrictModel):
    """One response of the model: reasoning, then `other`, text, refusal and calls, and an optional failure.

    `error` replaces the response, `breaks` ends it after `break_after` deltas; both apply `times` times to the same
    turn (None: always), then the turn plays without them. Without streaming, `error_event` and `error_member` are
    HTTP 200 with an error in the body, `truncated` is half a body.

    Attributes:
        other: Further output items, sent unchanged; `{token}` in an id becomes what the ids of the turn have in common.
        events: Events of a stream, sent unchanged in place of the turn's own; ignored without a stream.
        incomplete: Leaves the last output item unfinished, for this reason.
        usage: Token counts; `counted` estimates them from the sizes, None omits them.
        latency_s: Seconds before the response, on top of the configured latency.
        gap_s: Seconds between streamed deltas, on top of the configured gap.
    """

    text: str | None = None
    refusal: str | None = None
    calls: list[ScriptedToolCall] = Field(default_factory=list[ScriptedToolCall])
    reasoning: str | None = None
    other: list[Obj] = Field(default_factory=list[Obj])
    events: list[Obj] = Field(default_factory=list[Obj])
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
    """The turns for one prompt; after the last one the model says `Done.`, or repeats it if `repeat`."""

    turns: list[ScriptedTurn] = Field(min_length=1)
    match: str | None = None
    repeat: bool = False

    def get_turn(self, number: int) -> ScriptedTurn:
        """Return the turn at a zero-based index, or what follows the last one."""
        if number < len(self.turns):
            return self.turns[number]
        return self.turns[-1] if self.repeat else ScriptedTurn(text="Done.")


@dataclass
class ScriptEntry:
    """A registered script. `added_at` and `ended_at` are values of the registry's counter, not times."""

    id: int
    script: Script
    added_at: int
    ended_at: int | None = None


@dataclass
class ScriptRegistry:
    """All scripts, the prompts that took them, and the number of requests per turn."""

    entries: list[ScriptEntry] = field(default_factory=list[ScriptEntry])
    queue: list[ScriptEntry] = field(default_factory=list[ScriptEntry])
    by_prompt: dict[str, ScriptEntry] = field(default_factory=dict[str, ScriptEntry])
    request_counts: Counter[tuple[int, str, int]] = field(default_factory=Counter[tuple[int, str, int]])
    counter: int = 0

    def add(self, script: Script) -> ScriptEntry:
        """Register a script; without `match` it joins the queue."""
        self.counter += 1
        entry = ScriptEntry(len(self.entries) + 1, script, self.counter)
        self.entries.append(entry)
        if script.match is None:
            self.queue.append(entry)
        return entry

    def select_turn(self, prompt_digest: str, user_text: str, turn_number: int) -> ScriptedTurn | None:
        """Select the turn that answers a request; None when no script applies.

        Args:
            prompt_digest: Digest of the input up to and including the last user message.
            user_text: The last user message.
            turn_number: The number of model turns after it.
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

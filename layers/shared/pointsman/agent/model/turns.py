"""What a model's finished response says: text, calls of tools, and what the answer has cost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from ...errors import ModelFailed
from ...providers.reading import Json, mapping, mappings, number, text
from .failures import Ours, ended_badly, unreadable
from .names import WireNames

__all__ = ["Call", "Item", "Turn", "Usage", "read_turn", "tool_output", "user_message"]

Item = dict[str, object]
"""An item of an input or an output, as it is on the wire."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the model asks for. `call_id` names it in its output; `tool_id` is a tool's id, or what the model
    made up; `arguments` is meant to be JSON and may be anything."""

    call_id: str
    tool_id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens."""

    input: int = 0
    output: int = 0
    total: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.input + other.input, self.output + other.output, self.total + other.total)


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the model.

    `items` go into the next input as they are, before the outputs of `calls`. `text` is what a person reads: the
    messages, and a refusal's words, which `refusal` holds once more. Without calls it is the answer; it may be empty.
    """

    items: list[Item]
    text: str
    calls: list[Call] = field(default_factory=list[Call])
    usage: Usage = Usage()
    refusal: str | None = None


def user_message(content: str) -> Item:
    """What a user says, as an item of an input."""
    return {"type": "message", "role": "user", "content": content}


def tool_output(call_id: str, output: str) -> Item:
    """What a call of a tool has come to, as an item of an input."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def read_turn(response: Json, names: WireNames, ours: Ours) -> Turn:
    """The turn that a response holds.

    An answer that was cut at the limit of tokens counts where it has text and no call that may be half of one. Raises
    ModelFailed.
    """
    status = text(response.get("status")) or "completed"
    if response.get("error") or status in ("failed", "cancelled"):
        raise ended_badly(response.get("error"), ours)
    reason = text(mapping(response.get("incomplete_details")).get("reason"))
    if status == "incomplete" and reason != "max_output_tokens":
        filtered = "its content filter stopped it" if reason == "content_filter" else "it was stopped"
        raise ModelFailed(f"The model did not finish its answer: {filtered}")
    if status not in ("completed", "incomplete") or not isinstance(response.get("output"), list):
        raise unreadable("no finished response")
    items = mappings(response["output"])
    calls = [_call(item, names) for item in items if item.get("type") == "function_call"]
    if len({call.call_id for call in calls}) < len(calls):
        raise unreadable("two calls of one id")
    said, refused = _texts(items)
    if status == "incomplete" and (not said or any(_half(item) for item in items)):
        raise ModelFailed("The model did not finish its answer: it reached its limit of tokens")
    kept = [cast("Item", item) for item in items]
    return Turn(kept, said, calls, _usage(response.get("usage")), refused or None)


def _call(item: Json, names: WireNames) -> Call:
    call_id, name, given = text(item.get("call_id")), text(item.get("name")), item.get("arguments")
    if not call_id or not name:
        raise unreadable("a call without an id or a name")
    # Not every server keeps to the text that the API has here.
    arguments = json.dumps(given) if isinstance(given, Mapping) else text(given)
    return Call(call_id, names.tool_id(name), arguments)


def _half(item: Json) -> bool:
    if item.get("type") != "function_call":
        return False
    try:
        json.loads(text(item.get("arguments")))
    except (ValueError, RecursionError):
        return True
    return item.get("status", "completed") != "completed"


def _texts(items: list[Json]) -> tuple[str, str]:
    """The text of all messages, and of the refusals in them."""
    messages: list[str] = []
    refusals: list[str] = []
    for item in items:
        if item.get("type") != "message":
            continue
        said = ""
        for part in mappings(item.get("content")):
            refusal = text(part.get("refusal"))
            said += refusal or text(part.get("text"))
            refusals += [refusal] if refusal else []
        messages += [said] if said else []
    return "\n\n".join(messages), "\n\n".join(refusals)


def _usage(value: object) -> Usage:
    told = mapping(value)
    given, taken = _tokens(told.get("input_tokens")), _tokens(told.get("output_tokens"))
    return Usage(given, taken, _tokens(told.get("total_tokens")) or given + taken)


def _tokens(value: object) -> int:
    count = number(value) or 0
    return int(count) if 0 <= count < float("inf") else 0

"""A request as the script and the demo see it: what the user said last, and what has happened since."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from local.simulator.wire import Obj, as_list, as_obj, as_str

_TURN = re.compile(r"_([rp]\d\d[0-9a-f]{16})(?:_\d+)?$")
"""The part of our ids that all items of one turn have in common; `r` where it began with reasoning."""
_BY_MODEL = ("reasoning", "function_call")
SHOWN = 2000
"""Characters of each text that the log of calls shows."""


@dataclass(frozen=True)
class Question:
    """`prompt` stands for everything up to the last user message, `number` counts the turns since; `results` are the
    outputs of tools since, in order, each with the name of the tool."""

    model: str
    stream: bool
    sealed: bool
    tools: dict[str, Obj]
    size: int
    prompt: str
    text: str
    number: int
    results: list[tuple[str, str]]

    def tool(self, tool_id: str) -> str | None:
        """The wire name among the given tools that stands for a tool's id, or is it."""
        plain = re.sub(r"[^a-zA-Z0-9_-]", "_", tool_id)
        if tool_id in self.tools or plain in self.tools:
            return tool_id if tool_id in self.tools else plain
        suffixed = (name for name in self.tools if re.fullmatch(re.escape(plain[:40]) + r".*_[0-9a-f]{6,}", name))
        return next(suffixed, None)


def question(body: Obj) -> Question:
    """Reads a request that `checks.py` has let through."""
    items = items_of(body)
    last = max((index for index, item in enumerate(items) if role(item) == "user"), default=-1)
    since = items[last + 1 :]
    tools = {str(as_obj(tool)["name"]): as_obj(tool) for tool in as_list(body.get("tools"))}
    names = {item["call_id"]: str(item["name"]) for item in since if item.get("type") == "function_call"}
    results = [
        (names.get(item["call_id"], ""), text_of(item.get("output")))
        for item in since if item.get("type") == "function_call_output"
    ]  # fmt: skip
    return Question(
        str(body["model"]), body.get("stream") is True,
        "reasoning.encrypted_content" in as_list(body.get("include")), tools, len(json.dumps(body)),
        digest(items[: last + 1]), text_of(items[last].get("content")) if last >= 0 else "", _turns(since), results,
    )  # fmt: skip


def items_of(body: Obj) -> list[Obj]:
    """The input as items."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return [as_obj(item) for item in as_list(given)]


def role(item: Obj) -> str | None:
    """A message's role, None for other items."""
    return as_str(item.get("role")) if item.get("type", "message") == "message" else None


def text_of(content: object) -> str:
    """The text of a message's content or of a tool's output, given as a string or in parts."""
    if isinstance(content, str):
        return content
    parts = [as_obj(part) for part in as_list(content)]
    return "".join(as_str(part.get("text")) or as_str(part.get("refusal")) or "" for part in parts)


def turn_of(item: Obj) -> str | None:
    """Which turn of ours an item comes from."""
    for name in ("id", "call_id"):
        found = _TURN.search(as_str(item.get(name)) or "")
        if found:
            return found.group(1)
    return None


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def shown(body: Obj) -> Obj:
    """What the log of calls keeps of a request: who was asked, with which tools, and each item in short."""
    tools = [as_str(as_obj(tool).get("name")) for tool in as_list(body.get("tools"))]
    about = {name: body[name] for name in ("model", "stream", "store", "include") if name in body}
    instructions = (as_str(body.get("instructions")) or "")[:SHOWN]
    items = [_short(item) for item in items_of(body)]
    return {**about, "instructions": instructions, "tools": tools, "input": items, "digest": digest(body)}


def _short(item: Obj) -> Obj:
    names = ("type", "role", "id", "call_id", "name", "status")
    short: Obj = {name: item[name] for name in names if name in item}
    for name in ("content", "arguments", "output"):
        if name in item:
            short["text"] = text_of(item[name])[:SHOWN]
    return short


def _turns(items: Iterable[Obj]) -> int:
    """How many turns of the model there are: told by our ids, and where they are not ours by what interrupts them."""
    ours: set[str] = set()
    others, within = 0, False
    for item in items:
        if item.get("type") not in _BY_MODEL and role(item) != "assistant":
            within = within and item.get("type") != "function_call_output"
            continue
        found = turn_of(item)
        if found:
            ours.add(found)
        elif not within:
            others += 1
        within = True
    return len(ours) + others

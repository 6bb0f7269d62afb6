"""A request as the script and the demo see it: what the user said last, and what has happened since."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from local.simulator.http.messages import Obj, as_list, as_obj, as_str

_TURN_ID = re.compile(r"_([rp]\d\d[0-9a-f]{16})(?:_\d+)?$")
"""The part of our ids that all items of one turn have in common; `r` where it began with reasoning."""
_MODEL_ITEM_TYPES = ("reasoning", "function_call")
LOGGED_TEXT_LENGTH = 2000
"""Characters of each text that the log of calls shows."""


@dataclass(frozen=True)
class ModelRequest:
    """`prompt` stands for everything up to the last user message, `number` counts the turns since; `results` are the
    outputs of tools since, in order, each with the name of the tool."""

    model: str
    stream: bool
    should_encrypt_reasoning: bool
    tools: dict[str, Obj]
    body_size: int
    prompt_digest: str
    user_text: str
    turn_number: int
    tool_results: list[tuple[str, str]]

    def find_tool_name(self, tool_id: str) -> str | None:
        """The wire name among the given tools that stands for a tool's id, or is it."""
        plain_name = re.sub(r"[^a-zA-Z0-9_-]", "_", tool_id)
        if tool_id in self.tools or plain_name in self.tools:
            return tool_id if tool_id in self.tools else plain_name
        suffixed = (name for name in self.tools if re.fullmatch(re.escape(plain_name[:40]) + r".*_[0-9a-f]{6,}", name))
        return next(suffixed, None)


def parse_request(body: Obj) -> ModelRequest:
    """Reads a request that `checks.py` has let through."""
    items = get_input_items(body)
    last_user_index = max((index for index, item in enumerate(items) if get_role(item) == "user"), default=-1)
    items_since = items[last_user_index + 1 :]
    tools = {str(as_obj(tool)["name"]): as_obj(tool) for tool in as_list(body.get("tools"))}
    tool_names = {item["call_id"]: str(item["name"]) for item in items_since if item.get("type") == "function_call"}
    results = [
        (tool_names.get(item["call_id"], ""), extract_text(item.get("output")))
        for item in items_since if item.get("type") == "function_call_output"
    ]  # fmt: skip
    return ModelRequest(
        str(body["model"]),
        body.get("stream") is True,
        "reasoning.encrypted_content" in as_list(body.get("include")),
        tools,
        len(json.dumps(body)),
        compute_digest(items[: last_user_index + 1]),
        extract_text(items[last_user_index].get("content")) if last_user_index >= 0 else "",
        _count_turns(items_since),
        results,
    )


def get_input_items(body: Obj) -> list[Obj]:
    """The input as items."""
    input_value = body.get("input")
    if isinstance(input_value, str):
        return [{"type": "message", "role": "user", "content": input_value}]
    return [as_obj(item) for item in as_list(input_value)]


def get_role(item: Obj) -> str | None:
    """A message's role, None for other items."""
    return as_str(item.get("role")) if item.get("type", "message") == "message" else None


def extract_text(content: object) -> str:
    """The text of a message's content or of a tool's output, given as a string or in parts."""
    if isinstance(content, str):
        return content
    parts = [as_obj(part) for part in as_list(content)]
    return "".join(as_str(part.get("text")) or as_str(part.get("refusal")) or "" for part in parts)


def find_turn_id(item: Obj) -> str | None:
    """Which turn of ours an item comes from."""
    for name in ("id", "call_id"):
        match = _TURN_ID.search(as_str(item.get(name)) or "")
        if match:
            return match.group(1)
    return None


def compute_digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def summarize_request(body: Obj) -> Obj:
    """What the log of calls keeps of a request: who was asked, with which tools, and each item in short."""
    tools = [as_str(as_obj(tool).get("name")) for tool in as_list(body.get("tools"))]
    parameters = {name: body[name] for name in ("model", "stream", "store", "include") if name in body}
    instructions = (as_str(body.get("instructions")) or "")[:LOGGED_TEXT_LENGTH]
    items = [_summarize_item(item) for item in get_input_items(body)]
    return {**parameters, "instructions": instructions, "tools": tools, "input": items, "digest": compute_digest(body)}


def _summarize_item(item: Obj) -> Obj:
    names = ("type", "role", "id", "call_id", "name", "status")
    summary: Obj = {name: item[name] for name in names if name in item}
    for name in ("content", "arguments", "output"):
        if name in item:
            summary["text"] = extract_text(item[name])[:LOGGED_TEXT_LENGTH]
    return summary


def _count_turns(items: Iterable[Obj]) -> int:
    """How many turns of the model there are: told by our ids, and where they are not ours by what interrupts them."""
    turn_ids: set[str] = set()
    other_turns, is_within_turn = 0, False
    for item in items:
        if item.get("type") not in _MODEL_ITEM_TYPES and get_role(item) != "assistant":
            is_within_turn = is_within_turn and item.get("type") != "function_call_output"
            continue
        found = find_turn_id(item)
        if found:
            turn_ids.add(found)
        elif not is_within_turn:
            other_turns += 1
        is_within_turn = True
    return len(turn_ids) + other_turns

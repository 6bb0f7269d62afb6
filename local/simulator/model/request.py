"""A parsed request: the last user message, and the model's turns and tool results after it."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from local.simulator.http.messages import Obj, as_list, as_obj, as_str

_TURN_ID = re.compile(r"_([rp]\d\d[0-9a-f]{16})(?:_\d+)?$")
"""The part of generated ids that the items of one turn share; `r` marks a turn with reasoning."""
_MODEL_ITEM_TYPES = ("reasoning", "function_call")
LOGGED_TEXT_LENGTH = 2000
"""Characters of each text that the call log keeps."""


@dataclass(frozen=True)
class ModelRequest:
    """A parsed request.

    Attributes:
        should_encrypt_reasoning: Whether `include` contains `reasoning.encrypted_content`.
        tools: The tool definitions by wire name.
        body_size: Characters of the body as JSON.
        prompt_digest: Digest of the input up to and including the last user message.
        user_text: The last user message.
        turn_number: The number of model turns after it.
        tool_results: Tool name and output of each result after it, in order.
    """

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
        """Return the wire name of a tool id among the request's tools, None when the tool is absent."""
        plain_name = re.sub(r"[^a-zA-Z0-9_-]", "_", tool_id)
        if tool_id in self.tools or plain_name in self.tools:
            return tool_id if tool_id in self.tools else plain_name
        suffixed = (name for name in self.tools if re.fullmatch(re.escape(plain_name[:40]) + r".*_[0-9a-f]{6,}", name))
        return next(suffixed, None)


def parse_request(body: Obj) -> ModelRequest:
    """Parse a body that `request_validation.py` has accepted."""
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
    """Return the input as items; a string is one user message."""
    input_value = body.get("input")
    if isinstance(input_value, str):
        return [{"type": "message", "role": "user", "content": input_value}]
    return [as_obj(item) for item in as_list(input_value)]


def get_role(item: Obj) -> str | None:
    """Return a message's role, None for other items."""
    return as_str(item.get("role")) if item.get("type", "message") == "message" else None


def extract_text(content: object) -> str:
    """Return the text of a message's content or a tool's output, given as a string or as parts."""
    if isinstance(content, str):
        return content
    parts = [as_obj(part) for part in as_list(content)]
    return "".join(as_str(part.get("text")) or as_str(part.get("refusal")) or "" for part in parts)


def find_turn_id(item: Obj) -> str | None:
    """Return the turn id in an item's `id` or `call_id`, None when the simulator did not generate it."""
    for name in ("id", "call_id"):
        match = _TURN_ID.search(as_str(item.get(name)) or "")
        if match:
            return match.group(1)
    return None


def compute_digest(value: object) -> str:
    """Return the SHA-256 of a JSON value with sorted keys, in hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def summarize_request(body: Obj) -> Obj:
    """Summarize a request for the call log: model, parameters, tool names, shortened items, and a digest."""
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
    """Count the model's turns: by turn ids, and for items without one by the items between them."""
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

"""The forms in which an item of the history is sent: as its model gave it, or portable.

An item of a model may be bound to this model, its server, and the key or organisation that the server knows: reasoning
is encrypted for them, and items of hosted tools hold their ids. The portable form holds only what every server takes:
a message's text, a call with its name and arguments. Anything else has none.
"""

import hashlib
import json
from typing import NoReturn, cast

from ...json_values import as_objects, as_text
from ...prompts.model_items import ModelItem, format_arguments, join_content
from .tool_names import limit_name

__all__ = ["is_bound", "is_reasoning", "to_original", "to_portable"]

_PLAIN_TYPES = ("message", "function_call")
_PART_FIELDS = {"output_text": "text", "refusal": "refusal"}


def is_bound(item: ModelItem) -> bool:
    """Whether an item of a model can be sent only to this model, with this key: anything but messages and calls."""
    return item.get("type") not in _PLAIN_TYPES


def is_reasoning(item: ModelItem) -> bool:
    """Whether the item is reasoning, which belongs to the items after it."""
    return item.get("type") == "reasoning"


def to_original(item: ModelItem, unique_key: str) -> ModelItem | None:
    """Return the item as its model gave it, with what the API requires of a call's name and arguments.

    A message that has not the API's form has only a portable form, made with `unique_key`; None if that has no text.
    """
    if item.get("type") == "function_call":
        return {**item, **_to_plain_call(item)}
    if item.get("type") == "message" and not _is_complete_message(item):
        return to_portable(item, unique_key)
    return item


def to_portable(item: ModelItem, unique_key: str) -> ModelItem | None:
    """Return the item in the portable form; None if it has none.

    `unique_key` is turned into the id of a message: an id as its model gave it would refer to the reasoning before it.
    """
    if item.get("type") == "function_call":
        return {"type": "function_call", "call_id": item["call_id"], **_to_plain_call(item)}
    text = join_content(item.get("content")) if item.get("type") == "message" else ""
    if not text.strip():
        return None
    return {
        "type": "message",
        "id": f"msg_{hashlib.sha256(unique_key.encode()).hexdigest()[:32]}",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def _to_plain_call(item: ModelItem) -> ModelItem:
    return {"name": limit_name(as_text(item.get("name"))), "arguments": _to_valid_arguments(item.get("arguments"))}


def _is_complete_message(item: ModelItem) -> bool:
    content = item.get("content")
    if not isinstance(content, list) or not all(as_text(item.get(name)) for name in ("id", "status")):
        return False
    parts = as_objects(cast("object", content))
    texts = [part.get(_PART_FIELDS.get(as_text(part.get("type")), "")) for part in parts]
    return len(parts) == len(cast("list[object]", content)) and all(isinstance(text, str) for text in texts)


def _to_valid_arguments(arguments: object) -> str:
    """Return a call's arguments as the JSON of an object: many servers parse them, and fail for anything else.

    A model may have written anything. Nothing becomes an empty object, other text a member of one.
    """
    text = format_arguments(arguments)
    if not text.strip():
        return "{}"
    try:
        value: object = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return json.dumps({"invalid_arguments": text})
    if value is None:
        return "{}"
    return text if isinstance(value, dict) else json.dumps({"invalid_arguments": value})


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")

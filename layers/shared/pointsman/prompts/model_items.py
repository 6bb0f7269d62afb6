"""Items of a model's input and output in the shape of the Responses API, as the history stores them.

Plain JSON objects: what writes the history loads neither the model's client nor httpx.
"""

import json
from collections.abc import Iterable
from typing import cast

from ..json_values import JsonObject, as_object, as_text

__all__ = [
    "ModelItem",
    "build_tool_output",
    "build_user_message",
    "collect_call_ids",
    "format_arguments",
    "join_content",
]

ModelItem = dict[str, object]
"""An item as the API sends and receives it."""


def build_user_message(content: str) -> ModelItem:
    """Build the item for a user's input."""
    return {"type": "message", "role": "user", "content": content}


def build_tool_output(call_id: str, output: str) -> ModelItem:
    """Build the item for the output of the tool call `call_id`. The API takes text only."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def collect_call_ids(items: Iterable[ModelItem]) -> set[str]:
    """Return the ids of all tool calls in the items."""
    return {str(item.get("call_id")) for item in items if item.get("type") == "function_call"}


def format_arguments(arguments: object) -> str:
    """Return a call's arguments as text. The API specifies a text, and some servers send the object itself."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return json.dumps(arguments)


def join_content(content: object) -> str:
    """Return the text of a message's content, refusals included: a list of parts, or, by some servers, a text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(
        part if isinstance(part, str) else _get_part_text(as_object(part)) for part in cast("list[object]", content)
    )


def _get_part_text(part: JsonObject) -> str:
    return as_text(part.get("refusal")) or as_text(part.get("text"))

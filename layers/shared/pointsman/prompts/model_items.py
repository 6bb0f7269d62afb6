"""Items of a model's input and output in the shape of the Responses API, as the history stores them.

Plain JSON objects: what writes the history loads neither the model's client nor httpx.
"""

from collections.abc import Iterable

__all__ = ["ModelItem", "build_tool_output", "build_user_message", "collect_call_ids"]

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

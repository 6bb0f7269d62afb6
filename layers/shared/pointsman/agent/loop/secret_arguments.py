"""Secrets in the arguments of a turn's calls: masked in all that is kept, the exact text apart until the call."""

import json
import secrets
from collections.abc import Sequence

from ...db.tool_calls import CallSecret
from ...errors import PointsmanError
from ...prompts.model_items import ModelItem
from ...prompts.transcript import parse_arguments
from ..plugin import Prompt
from ..secret_fields import MASK, mask_all, mask_fields

__all__ = ["separate_secrets"]

_CALL_FIELDS = ("type", "id", "call_id", "name", "status")
"""What is kept of an item with masked arguments: other members of it might repeat them."""


def separate_secrets(
    prompt: Prompt, items: Sequence[ModelItem], calls: Sequence[dict[str, str]]
) -> tuple[list[ModelItem], list[dict[str, str]], dict[str, CallSecret]]:
    """Mask the arguments of calls of tools with secret fields.

    Args:
        prompt: has the tools.
        items: the turn's items.
        calls: the turn's calls, `{"id", "name", "arguments"}`.

    Returns:
        The items and the calls as they are kept, and what is secret of the calls, by the call's id.
    """
    kept_calls, call_secrets = list[dict[str, str]](), dict[str, CallSecret]()
    for call in calls:
        masked = _mask_arguments(prompt, call)
        if masked != call["arguments"]:
            call_secrets[call["id"]] = {"arguments": call["arguments"], "salt": secrets.token_hex(32)}
        kept_calls.append({**call, "arguments": masked})
    masked_arguments = {call["id"]: call["arguments"] for call in kept_calls if call["id"] in call_secrets}
    kept_items = [
        {**{name: item[name] for name in _CALL_FIELDS if name in item}, "arguments": masked_arguments[call_id]}
        if item.get("type") == "function_call" and (call_id := str(item.get("call_id"))) in masked_arguments
        else item
        for item in items
    ]
    return kept_items, kept_calls, call_secrets


def _mask_arguments(prompt: Prompt, call: dict[str, str]) -> str:
    """Return the arguments as they are kept. Of arguments that do not fit the tool's input no value is kept."""
    tool = prompt.find_tool(call["name"])
    if tool is None or not tool.secret_fields:
        return call["arguments"]
    try:
        arguments = parse_arguments(call["arguments"])
    except ValueError:
        return json.dumps(MASK)
    try:
        tool.validate_input(arguments)
    except PointsmanError:
        return json.dumps(mask_all(arguments))
    return json.dumps(mask_fields(arguments, tool.secret_fields))

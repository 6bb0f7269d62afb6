"""A model's finished response, parsed into a turn: text, tool calls and token usage."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from ... import log
from ...db.prompt_history import ItemRefusal
from ...errors import ModelFailed
from ...json_values import JsonObject, as_number, as_object, as_objects, as_text
from ...prompts.model_items import ModelItem, format_arguments, join_content
from .errors import RequestRedactor, error_from_response, invalid_response_error
from .read_limits import MAX_CALLS, MAX_OUTPUT_ITEMS, AnswerTooLong
from .tool_names import ToolNameMap

__all__ = ["MAX_TOKENS", "FunctionCall", "ModelTurn", "TokenUsage", "parse_turn"]

MAX_TOKENS = 100_000_000
"""Of one response. No model reads or writes as many, so a higher count is wrong."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A tool call that the model requests.

    Attributes:
        call_id: links the call to its output.
        tool_id: a tool's id, or a name that the model invented.
        arguments: text that should be JSON, and may be anything.
    """

    call_id: str
    tool_id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Token counts of one response; 0 if the provider does not report them, or reports what cannot be."""

    input: int = 0
    output: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class ModelTurn:
    """One response of the model.

    Attributes:
        items: its output items, to be sent back unchanged before the outputs of its calls.
        text: the messages that a person reads, refusals included; may be empty.
        calls: the requested tool calls. A turn without calls is the final answer.
        usage: token counts.
        origin: what its items are bound to: a hash of the API's URL, the model and the key.
        refusals: what the model refused of the history, by prompt id and `seq`, before it gave this response.
    """

    items: list[ModelItem]
    text: str
    calls: list[FunctionCall] = field(default_factory=list[FunctionCall])
    usage: TokenUsage = TokenUsage()
    origin: str = ""
    refusals: Mapping[tuple[str, int], ItemRefusal] = field(default_factory=dict[tuple[str, int], ItemRefusal])


def parse_turn(response: JsonObject, names: ToolNameMap, redactor: RequestRedactor) -> ModelTurn:
    """Parse a finished response.

    A response that was truncated at the token limit is accepted if it has text and no truncated call.

    Raises:
        AnswerTooLong: it has more items or calls than a turn may have.
        ModelFailed: the response failed, is incomplete, or is not valid.
    """
    status = as_text(response.get("status")) or "completed"
    if response.get("error") or status in ("failed", "cancelled"):
        raise error_from_response(response.get("error"), redactor)
    reason = as_text(as_object(response.get("incomplete_details")).get("reason"))
    if status == "incomplete" and reason != "max_output_tokens":
        cause = "its content filter stopped it" if reason == "content_filter" else "it was stopped"
        raise ModelFailed(f"The model did not finish its answer: {cause}")
    items = _list_items(response)
    if status not in ("completed", "incomplete") or items is None:
        raise invalid_response_error("no finished response")
    if len(items) > MAX_OUTPUT_ITEMS:
        raise AnswerTooLong(f"{MAX_OUTPUT_ITEMS} items")
    calls = [_parse_call(item, names) for item in items if item.get("type") == "function_call"]
    if len(calls) > MAX_CALLS:
        raise AnswerTooLong(f"{MAX_CALLS} tool calls")
    text = _join_texts(items)
    if status == "incomplete" and (not text or any(_is_truncated_call(item) for item in items)):
        raise ModelFailed("The model did not finish its answer: it reached its limit of tokens")
    raw_items = [cast("ModelItem", item) for item in items]
    return ModelTurn(raw_items, text, calls, _parse_usage(response.get("usage")))


def _list_items(response: JsonObject) -> list[JsonObject] | None:
    """Return the output items; None if the response has no list of them. A message may come without its type."""
    output, text = response.get("output"), as_text(response.get("output_text"))
    if not output and text:
        return [{"type": "message", "role": "assistant", "content": text}]
    if not isinstance(output, list):
        return None
    return [{"type": "message", **item} if item.get("role") else item for item in as_objects(cast("object", output))]


def _parse_call(item: JsonObject, names: ToolNameMap) -> FunctionCall:
    call_id, name = as_text(item.get("call_id")), as_text(item.get("name"))
    if not call_id or not name:
        raise invalid_response_error("a call without an id or a name")
    return FunctionCall(call_id, names.to_tool_id(name), format_arguments(item.get("arguments")))


def _is_truncated_call(item: JsonObject) -> bool:
    if item.get("type") != "function_call":
        return False
    try:
        json.loads(format_arguments(item.get("arguments")))
    except (ValueError, RecursionError):
        return True
    return item.get("status", "completed") != "completed"


def _join_texts(items: list[JsonObject]) -> str:
    """Join the texts of all messages, refusals included, with a blank line between two messages."""
    texts = [join_content(item.get("content")) for item in items if item.get("type") == "message"]
    return "\n\n".join(text for text in texts if text)


def _parse_usage(value: object) -> TokenUsage:
    counts = as_object(value)
    sent, received = _parse_token_count(counts, "input_tokens"), _parse_token_count(counts, "output_tokens")
    return TokenUsage(sent, received, _parse_token_count(counts, "total_tokens") or sent + received)


def _parse_token_count(counts: JsonObject, name: str) -> int:
    """Return a count; 0 if it is none that a turn can have. A wrong one costs neither the text nor a user's quota."""
    value = counts.get(name)
    if value is None:
        return 0
    count = as_number(value)
    if count is None or not 0 <= count <= MAX_TOKENS:
        log.write("warning", "model usage ignored", field=name)
        return 0
    return int(count)

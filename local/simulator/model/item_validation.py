"""Validation of input items: shapes, names, ids, and pairs of calls and outputs."""

import json
from collections.abc import Iterator

from local.simulator.config import ModelConfig
from local.simulator.http.messages import LIST, TEXT, TEXT_OR_NULL, FieldTypes, Obj, as_list, as_obj, as_str
from local.simulator.model.invalid_request import InvalidRequest, find_name_errors
from local.simulator.model.request import find_turn_id, get_role
from local.simulator.model.response import build_encrypted_content

_FIELD_TYPES: dict[str, FieldTypes] = {
    "message": {"type": TEXT, "role": TEXT, "content": (str, list), "id": TEXT, "status": TEXT, "phase": TEXT_OR_NULL},
    "function_call": {"type": TEXT, "id": TEXT, "call_id": TEXT, "name": TEXT, "arguments": TEXT, "status": TEXT},
    "function_call_output": {
        "type": TEXT, "call_id": TEXT, "output": (str, list), "id": TEXT_OR_NULL, "status": TEXT_OR_NULL,
    },
    "reasoning": {
        "type": TEXT, "id": TEXT, "summary": LIST, "encrypted_content": TEXT_OR_NULL, "content": LIST, "status": TEXT,
    },
    "web_search_call": {"type": TEXT, "id": TEXT, "status": TEXT, "action": (dict,)},
}  # fmt: skip
_REQUIRED_FIELDS: dict[str, tuple[str, ...]] = {
    "message": ("role", "content"), "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"), "reasoning": ("id", "summary"), "web_search_call": ("id", "status"),
}  # fmt: skip
_ID_PREFIXES = {"message": "msg", "function_call": "fc", "reasoning": "rs"}
_CONTENT_PARTS = {"assistant": ("output_text", "refusal")}
_STATUSES = ("in_progress", "completed", "incomplete")


def find_item_errors(items: list[Obj], config: ModelConfig, seal: str) -> Iterator[InvalidRequest]:
    """Yield errors of single items first, then of duplicates, calls without outputs, and reasoning."""
    for index, item in enumerate(items):
        yield from _find_shape_errors(item, f"input[{index}]", config)
    yield from _find_duplicate_ids(items)
    yield from _find_call_errors(items)
    yield from _find_reasoning_errors(items, seal)


def _find_shape_errors(item: Obj, place: str, config: ModelConfig) -> Iterator[InvalidRequest]:
    kind = str(item.get("type", "message"))
    if kind not in _FIELD_TYPES or kind in config.refused_item_types:
        known = ", ".join(f"'{one}'" for one in _FIELD_TYPES if one not in config.refused_item_types)
        yield InvalidRequest(f"Invalid value: '{kind}'. Supported values are: {known}.", place, "invalid_value")
        return
    for name in _REQUIRED_FIELDS[kind]:
        if name not in item:
            message = f"Missing required parameter: '{place}.{name}'."
            yield InvalidRequest(message, f"{place}.{name}", "missing_required_parameter")
    for name, value in item.items():
        where = f"{place}.{name}"
        if name not in _FIELD_TYPES[kind]:
            yield InvalidRequest(f"Unknown parameter: '{where}'.", where, "unknown_parameter")
        elif not isinstance(value, _FIELD_TYPES[kind][name]):
            yield InvalidRequest(f"Invalid type for '{where}'.", where, "invalid_type")
    prefix, item_id = _ID_PREFIXES.get(kind), item.get("id")
    if prefix and item_id is not None and not str(item_id).startswith(prefix):
        message = f"Invalid '{place}.id': '{item_id}'. Expected an ID that begins with '{prefix}'."
        yield InvalidRequest(message, f"{place}.id", "invalid_value")
    if item.get("status") not in (None, *_STATUSES):
        yield InvalidRequest(f"Invalid value: '{item['status']}'.", f"{place}.status", "invalid_value")
    if kind == "message":
        yield from _find_message_errors(item, place)
    if kind == "function_call":
        yield from find_name_errors(str(item["name"]), f"{place}.name", config.max_name_length)
        if config.parses_arguments and not _is_json_object(str(item["arguments"])):
            yield InvalidRequest(f"Invalid '{place}.arguments': no JSON object.", f"{place}.arguments", "invalid_value")
    if kind.startswith("function_call") and not 1 <= len(str(item["call_id"])) <= 64:
        yield InvalidRequest(f"Invalid '{place}.call_id': 1 to 64 characters.", f"{place}.call_id", "invalid_value")


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _find_message_errors(item: Obj, place: str) -> Iterator[InvalidRequest]:
    speaker = str(item["role"])
    if speaker not in ("user", "system", "developer", "assistant"):
        yield InvalidRequest(f"Invalid value: '{speaker}'.", f"{place}.role", "invalid_value")
    if speaker == "assistant":
        for name in ("id", "status"):
            if name not in item:
                message = f"Missing required parameter: '{place}.{name}'."
                yield InvalidRequest(message, f"{place}.{name}", "missing_required_parameter")
    allowed = _CONTENT_PARTS.get(speaker, ("input_text", "input_image", "input_file"))
    for number, one in enumerate(as_list(item["content"])):
        part, where = as_obj(one), f"{place}.content[{number}]"
        if part.get("type") not in allowed:
            known = " and ".join(f"'{name}'" for name in allowed)
            message = f"Invalid value: '{part.get('type')}'. Supported values are: {known}."
            yield InvalidRequest(message, where, "invalid_value")
        field = {"refusal": "refusal", "input_text": "text", "output_text": "text"}.get(str(part.get("type")))
        if field and as_str(part.get(field)) is None:
            yield InvalidRequest(f"Missing required parameter: '{where}.{field}'.", where, "missing_required_parameter")


def _find_duplicate_ids(items: list[Obj]) -> Iterator[InvalidRequest]:
    seen: set[str] = set()
    for item in items:
        item_id = as_str(item.get("id"))
        if item_id and item_id in seen:
            message = f"Duplicate item found with id {item_id}. Remove duplicate items from your input and try again."
            yield InvalidRequest(message, "input")
        seen.add(item_id or "")


def _find_call_errors(items: list[Obj]) -> Iterator[InvalidRequest]:
    """Yield errors unless each call has exactly one later output, and each output a call."""
    call_ids: set[object] = set()
    output_call_ids: set[object] = set()
    for item in items:
        call_id = item.get("call_id")
        if item.get("type") == "function_call":
            if call_id in call_ids:
                yield InvalidRequest(f"Duplicate function call with call_id {call_id}.", "input")
            call_ids.add(call_id)
        if item.get("type") == "function_call_output":
            if call_id not in call_ids:
                yield InvalidRequest(f"No tool call found for function call output with call_id {call_id}.", "input")
            if call_id in output_call_ids:
                yield InvalidRequest(f"Duplicate function call output with call_id {call_id}.", "input")
            output_call_ids.add(call_id)
    for call_id in sorted(str(one) for one in call_ids - output_call_ids):
        yield InvalidRequest(f"No tool output found for function call {call_id}.", "input")


def _find_reasoning_errors(items: list[Obj], seal: str) -> Iterator[InvalidRequest]:
    """Yield errors unless reasoning is replayed encrypted and unchanged, before the items that followed it."""
    reasoning_turns: set[str | None] = set()
    for index, item in enumerate(items):
        turn, name = find_turn_id(item), f"'{item.get('id')}' of type '{item.get('type', 'message')}'"
        if item.get("type") == "reasoning":
            reasoning_turns.add(turn)
            encrypted_content = item.get("encrypted_content")
            if encrypted_content is None:
                message = (
                    f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false."
                )
                yield InvalidRequest(message, "input", status=404)
            elif encrypted_content != build_encrypted_content(str(item["id"]), item["summary"], seal):
                message = f"The encrypted content for item {item['id']} could not be verified."
                yield InvalidRequest(message, f"input[{index}]", "invalid_encrypted_content")
            if not any(find_turn_id(one) == turn for one in items[index + 1 :] if turn is not None):
                yield InvalidRequest(f"Item {name} was provided without its required following item.", "input")
        elif turn and turn.startswith("r") and turn not in reasoning_turns and (item.get("id") or get_role(item)):
            yield InvalidRequest(
                f"Item {name} was provided without its required 'reasoning' item: 'rs_{turn}'.", "input"
            )

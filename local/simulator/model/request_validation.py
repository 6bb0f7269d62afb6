"""Validation of a request's parameters and tools; `item_validation.py` validates the input items."""

import json
import re
from collections.abc import Iterator

from local.simulator.config import ModelConfig
from local.simulator.http.messages import (
    FLAG,
    LIST,
    OBJECT_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    FieldTypes,
    Obj,
    as_list,
    as_obj,
    as_str,
)
from local.simulator.model.invalid_request import InvalidRequest, find_name_errors
from local.simulator.model.item_validation import find_item_errors
from local.simulator.model.request import get_input_items

_INTEGER_OR_NULL: tuple[type, ...] = (int, type(None))
_NUMBER_OR_NULL: tuple[type, ...] = (int, float, type(None))
_PARAMETER_TYPES: FieldTypes = {
    "model": TEXT, "input": (str, list), "instructions": TEXT_OR_NULL, "tools": LIST, "tool_choice": (str, dict),
    "parallel_tool_calls": (bool, type(None)), "max_output_tokens": _INTEGER_OR_NULL, "temperature": _NUMBER_OR_NULL,
    "top_p": _NUMBER_OR_NULL, "reasoning": OBJECT_OR_NULL, "text": OBJECT_OR_NULL, "metadata": OBJECT_OR_NULL,
    "stream": FLAG, "store": (bool, type(None)), "previous_response_id": TEXT_OR_NULL, "include": (list, type(None)),
    "truncation": TEXT_OR_NULL, "user": TEXT, "session_id": TEXT, "service_tier": TEXT_OR_NULL,
    "safety_identifier": TEXT, "prompt_cache_key": TEXT,
}  # fmt: skip
_TOOL_TYPES: FieldTypes = {
    "type": TEXT, "name": TEXT, "description": TEXT_OR_NULL, "parameters": OBJECT_OR_NULL,
    "strict": (bool, type(None)),
}  # fmt: skip
_INCLUDE_VALUE = re.compile(r"[a-z_]+(\.[a-z_]+)+")


def validate_request(body: Obj, config: ModelConfig, seal: str) -> InvalidRequest | None:
    """Return the first validation error of a request, None when it is valid. `seal` is of the request's reasoning."""
    return next(_find_errors(body, config, seal), None)


def _find_errors(body: Obj, config: ModelConfig, seal: str) -> Iterator[InvalidRequest]:
    for name in ("model", "input"):
        if name not in body:
            yield InvalidRequest(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    yield from _find_type_errors(body, _PARAMETER_TYPES, "")
    if not body.get("model") or body["model"] in config.missing_models:
        yield InvalidRequest(f"The requested model '{body.get('model')}' does not exist.", "model", "model_not_found")
    if body.get("store") is True:
        yield InvalidRequest("store must be false: nothing is kept here.", "store", "invalid_value")
    if body.get("previous_response_id") is not None:
        yield InvalidRequest("previous_response_id is not supported.", "previous_response_id", "unsupported_parameter")
    yield from _find_include_errors(as_list(body.get("include")), config)
    yield from _find_tool_errors(as_list(body.get("tools")))
    yield from _find_tool_choice_errors(body.get("tool_choice", "auto"), as_list(body.get("tools")))
    if not body["input"]:
        yield InvalidRequest(
            "One of 'input' or 'previous_response_id' must be provided.", "input", "missing_required_parameter"
        )
    length, limit = len(json.dumps(body["input"])), config.context_length
    if limit is not None and length > limit:
        message = f"Your input exceeds the context window of this model: {length} of {limit}."
        yield InvalidRequest(message, "input", "context_length_exceeded")
    if config.refused_text and config.refused_text in json.dumps(body["input"], ensure_ascii=False):
        yield InvalidRequest("Bad request")
    yield from find_item_errors([as_obj(item) for item in get_input_items(body)], config, seal)


def _find_type_errors(values: Obj, field_types: FieldTypes, prefix: str) -> Iterator[InvalidRequest]:
    """Yield errors for unknown names and for values of a wrong type."""
    for name, value in values.items():
        place = f"{prefix}{name}"
        if name not in field_types:
            yield InvalidRequest(f"Unknown parameter: '{place}'.", place, "unknown_parameter")
        elif not isinstance(value, field_types[name]) or (isinstance(value, bool) and bool not in field_types[name]):
            yield InvalidRequest(f"Invalid type for '{place}'.", place, "invalid_type")


def _find_include_errors(names: list[object], config: ModelConfig) -> Iterator[InvalidRequest]:
    for index, name in enumerate(names):
        if not _INCLUDE_VALUE.fullmatch(as_str(name) or ""):
            yield InvalidRequest(f"Invalid value: '{name}'.", f"include[{index}]", "invalid_value")
    if "reasoning.encrypted_content" in names and not config.seals_reasoning:
        yield InvalidRequest("Encrypted content is not supported with this model.", "include")


def _find_tool_errors(tools: list[object]) -> Iterator[InvalidRequest]:
    names: set[str] = set()
    for index, one in enumerate(tools):
        tool, place = as_obj(one), f"tools[{index}]"
        if not tool:
            yield InvalidRequest(f"Invalid type for '{place}': expected an object.", place, "invalid_type")
        if tool.get("type") != "function":
            yield InvalidRequest(f"Invalid value: '{tool.get('type')}'. Supported values are: 'function'.",
                          f"{place}.type", "invalid_value")  # fmt: skip
        for name in ("name", "parameters"):
            if name not in tool:
                yield InvalidRequest(f"Missing required parameter: '{place}.{name}'.", f"{place}.{name}",
                              "missing_required_parameter")  # fmt: skip
        yield from _find_type_errors(tool, _TOOL_TYPES, f"{place}.")
        name = str(tool["name"])
        yield from find_name_errors(name, f"{place}.name", 128)
        if name in names:
            yield InvalidRequest(f"Duplicate tool name: '{name}'.", f"{place}.name", "invalid_value")
        names.add(name)
        yield from _find_schema_errors(tool, name, place)


def _find_schema_errors(tool: Obj, name: str, place: str) -> Iterator[InvalidRequest]:
    schema = tool.get("parameters")
    error: str | None = None
    if schema is not None and as_obj(schema).get("type") != "object":
        error = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{as_obj(schema).get('type')}\"'."
    elif schema is not None and tool.get("strict") is True:
        properties = as_obj(as_obj(schema).get("properties"))
        if as_obj(schema).get("additionalProperties") is not False:
            error = "In context=(), 'additionalProperties' is required to be supplied and to be false."
        elif set(properties) - {str(one) for one in as_list(as_obj(schema).get("required"))}:
            error = "In context=(), 'required' is required to be an array including every key in properties."
    if error:
        message = f"Invalid schema for function '{name}': {error}"
        yield InvalidRequest(message, f"{place}.parameters", "invalid_function_parameters")


def _find_tool_choice_errors(choice: object, tools: list[object]) -> Iterator[InvalidRequest]:
    if choice in ("auto", "none", "required"):
        return
    named = as_obj(choice)
    names = [as_obj(tool)["name"] for tool in tools]
    if named.get("type") != "function" or named.get("name") not in names:
        yield InvalidRequest("Tool choice not found in 'tools' parameter.", "tool_choice", "invalid_value")

"""What a Responses API refuses: the parameters of a request and its tools. Items of the input are `items.py`'s."""

import re
from collections.abc import Iterator

from local.simulator.config import ModelConfig
from local.simulator.model.items import item_problems
from local.simulator.model.question import items_of
from local.simulator.model.refusal import Refusal, wrong_name
from local.simulator.wire import FLAG, LIST, OBJECT_OR_NULL, TEXT, TEXT_OR_NULL, Obj, Spec, as_list, as_obj, as_str

_INTEGER_OR_NULL: tuple[type, ...] = (int, type(None))
_NUMBER_OR_NULL: tuple[type, ...] = (int, float, type(None))
_PARAMETERS: Spec = {
    "model": TEXT, "input": (str, list), "instructions": TEXT_OR_NULL, "tools": LIST, "tool_choice": (str, dict),
    "parallel_tool_calls": (bool, type(None)), "max_output_tokens": _INTEGER_OR_NULL, "temperature": _NUMBER_OR_NULL,
    "top_p": _NUMBER_OR_NULL, "reasoning": OBJECT_OR_NULL, "text": OBJECT_OR_NULL, "metadata": OBJECT_OR_NULL,
    "stream": FLAG, "store": (bool, type(None)), "previous_response_id": TEXT_OR_NULL, "include": (list, type(None)),
    "truncation": TEXT_OR_NULL, "user": TEXT, "session_id": TEXT, "service_tier": TEXT_OR_NULL,
    "safety_identifier": TEXT, "prompt_cache_key": TEXT,
}  # fmt: skip
_TOOL: Spec = {
    "type": TEXT, "name": TEXT, "description": TEXT_OR_NULL, "parameters": OBJECT_OR_NULL,
    "strict": (bool, type(None)),
}  # fmt: skip
_INCLUDED = re.compile(r"[a-z_]+(\.[a-z_]+)+")


def refusal(body: Obj, config: ModelConfig) -> Refusal | None:
    """The first thing that is wrong with a request, null when nothing is."""
    return next(_problems(body, config), None)


def _problems(body: Obj, config: ModelConfig) -> Iterator[Refusal]:
    for name in ("model", "input"):
        if name not in body:
            yield Refusal(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    yield from _typed(body, _PARAMETERS, "")
    if not body.get("model") or body["model"] in config.missing_models:
        yield Refusal(f"The requested model '{body.get('model')}' does not exist.", "model", "model_not_found")
    if body.get("store") is True:
        yield Refusal("store must be false: nothing is kept here.", "store", "invalid_value")
    if body.get("previous_response_id") is not None:
        yield Refusal("previous_response_id is not supported.", "previous_response_id", "unsupported_parameter")
    yield from _included(as_list(body.get("include")), config)
    yield from _tools(as_list(body.get("tools")))
    yield from _choice(body.get("tool_choice", "auto"), as_list(body.get("tools")))
    if not body["input"]:
        yield Refusal(
            "One of 'input' or 'previous_response_id' must be provided.", "input", "missing_required_parameter"
        )
    yield from item_problems([as_obj(item) for item in items_of(body)])


def _typed(given: Obj, spec: Spec, where: str) -> Iterator[Refusal]:
    """Unknown names, and values of a wrong type."""
    for name, value in given.items():
        place = f"{where}{name}"
        if name not in spec:
            yield Refusal(f"Unknown parameter: '{place}'.", place, "unknown_parameter")
        elif not isinstance(value, spec[name]) or (isinstance(value, bool) and bool not in spec[name]):
            yield Refusal(f"Invalid type for '{place}'.", place, "invalid_type")


def _included(names: list[object], config: ModelConfig) -> Iterator[Refusal]:
    for index, name in enumerate(names):
        if not _INCLUDED.fullmatch(as_str(name) or ""):
            yield Refusal(f"Invalid value: '{name}'.", f"include[{index}]", "invalid_value")
    if "reasoning.encrypted_content" in names and not config.seals_reasoning:
        yield Refusal("Encrypted content is not supported with this model.", "include")


def _tools(tools: list[object]) -> Iterator[Refusal]:
    names: set[str] = set()
    for index, one in enumerate(tools):
        tool, place = as_obj(one), f"tools[{index}]"
        if not tool:
            yield Refusal(f"Invalid type for '{place}': expected an object.", place, "invalid_type")
        if tool.get("type") != "function":
            yield Refusal(f"Invalid value: '{tool.get('type')}'. Supported values are: 'function'.",
                          f"{place}.type", "invalid_value")  # fmt: skip
        for name in ("name", "parameters"):
            if name not in tool:
                yield Refusal(f"Missing required parameter: '{place}.{name}'.", f"{place}.{name}",
                              "missing_required_parameter")  # fmt: skip
        yield from _typed(tool, _TOOL, f"{place}.")
        name = str(tool["name"])
        yield from wrong_name(name, f"{place}.name", 128)
        if name in names:
            yield Refusal(f"Duplicate tool name: '{name}'.", f"{place}.name", "invalid_value")
        names.add(name)
        yield from _schema(tool, name, place)


def _schema(tool: Obj, name: str, place: str) -> Iterator[Refusal]:
    schema = tool.get("parameters")
    wrong: str | None = None
    if schema is not None and as_obj(schema).get("type") != "object":
        wrong = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{as_obj(schema).get('type')}\"'."
    elif schema is not None and tool.get("strict") is True:
        properties = as_obj(as_obj(schema).get("properties"))
        if as_obj(schema).get("additionalProperties") is not False:
            wrong = "In context=(), 'additionalProperties' is required to be supplied and to be false."
        elif set(properties) - {str(one) for one in as_list(as_obj(schema).get("required"))}:
            wrong = "In context=(), 'required' is required to be an array including every key in properties."
    if wrong:
        message = f"Invalid schema for function '{name}': {wrong}"
        yield Refusal(message, f"{place}.parameters", "invalid_function_parameters")


def _choice(choice: object, tools: list[object]) -> Iterator[Refusal]:
    if choice in ("auto", "none", "required"):
        return
    named = as_obj(choice)
    names = [as_obj(tool)["name"] for tool in tools]
    if named.get("type") != "function" or named.get("name") not in names:
        yield Refusal("Tool choice not found in 'tools' parameter.", "tool_choice", "invalid_value")

"""What a Responses API refuses in the items of an input: shapes, names, and what must stand together."""

from collections.abc import Iterator

from local.simulator.model.answer import seal
from local.simulator.model.question import role, turn_of
from local.simulator.model.refusal import Refusal, wrong_name
from local.simulator.wire import LIST, TEXT, TEXT_OR_NULL, Obj, Spec, as_list, as_obj, as_str

_SHAPES: dict[str, Spec] = {
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
_REQUIRED: dict[str, tuple[str, ...]] = {
    "message": ("role", "content"), "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"), "reasoning": ("id", "summary"), "web_search_call": ("id", "status"),
}  # fmt: skip
_PREFIXES = {"message": "msg", "function_call": "fc", "reasoning": "rs"}
_PARTS = {"assistant": ("output_text", "refusal")}
_STATUSES = ("in_progress", "completed", "incomplete")


def item_problems(items: list[Obj]) -> Iterator[Refusal]:
    for index, item in enumerate(items):
        yield from _shape(item, f"input[{index}]")
    yield from _ids(items)
    yield from _calls(items)
    yield from _reasoning(items)


def _shape(item: Obj, place: str) -> Iterator[Refusal]:
    kind = str(item.get("type", "message"))
    if kind not in _SHAPES:
        known = ", ".join(f"'{one}'" for one in _SHAPES)
        yield Refusal(f"Invalid value: '{kind}'. Supported values are: {known}.", place, "invalid_value")
        return
    for name in _REQUIRED[kind]:
        if name not in item:
            message = f"Missing required parameter: '{place}.{name}'."
            yield Refusal(message, f"{place}.{name}", "missing_required_parameter")
    for name, value in item.items():
        where = f"{place}.{name}"
        if name not in _SHAPES[kind]:
            yield Refusal(f"Unknown parameter: '{where}'.", where, "unknown_parameter")
        elif not isinstance(value, _SHAPES[kind][name]):
            yield Refusal(f"Invalid type for '{where}'.", where, "invalid_type")
    prefix, item_id = _PREFIXES.get(kind), item.get("id")
    if prefix and item_id is not None and not str(item_id).startswith(prefix):
        message = f"Invalid '{place}.id': '{item_id}'. Expected an ID that begins with '{prefix}'."
        yield Refusal(message, f"{place}.id", "invalid_value")
    if item.get("status") not in (None, *_STATUSES):
        yield Refusal(f"Invalid value: '{item['status']}'.", f"{place}.status", "invalid_value")
    if kind == "message":
        yield from _message(item, place)
    if kind == "function_call":
        yield from wrong_name(str(item["name"]), f"{place}.name", 128)
    if kind.startswith("function_call") and not 1 <= len(str(item["call_id"])) <= 64:
        yield Refusal(f"Invalid '{place}.call_id': 1 to 64 characters.", f"{place}.call_id", "invalid_value")


def _message(item: Obj, place: str) -> Iterator[Refusal]:
    speaker = str(item["role"])
    if speaker not in ("user", "system", "developer", "assistant"):
        yield Refusal(f"Invalid value: '{speaker}'.", f"{place}.role", "invalid_value")
    if speaker == "assistant":
        for name in ("id", "status"):
            if name not in item:
                message = f"Missing required parameter: '{place}.{name}'."
                yield Refusal(message, f"{place}.{name}", "missing_required_parameter")
    allowed = _PARTS.get(speaker, ("input_text", "input_image", "input_file"))
    for number, one in enumerate(as_list(item["content"])):
        part, where = as_obj(one), f"{place}.content[{number}]"
        if part.get("type") not in allowed:
            known = " and ".join(f"'{name}'" for name in allowed)
            message = f"Invalid value: '{part.get('type')}'. Supported values are: {known}."
            yield Refusal(message, where, "invalid_value")
        field = {"refusal": "refusal", "input_text": "text", "output_text": "text"}.get(str(part.get("type")))
        if field and as_str(part.get(field)) is None:
            yield Refusal(f"Missing required parameter: '{where}.{field}'.", where, "missing_required_parameter")


def _ids(items: list[Obj]) -> Iterator[Refusal]:
    seen: set[str] = set()
    for item in items:
        item_id = as_str(item.get("id"))
        if item_id and item_id in seen:
            message = f"Duplicate item found with id {item_id}. Remove duplicate items from your input and try again."
            yield Refusal(message, "input")
        seen.add(item_id or "")


def _calls(items: list[Obj]) -> Iterator[Refusal]:
    """Every call has one output that comes after it, and every output a call."""
    called: set[object] = set()
    answered: set[object] = set()
    for item in items:
        call_id = item.get("call_id")
        if item.get("type") == "function_call":
            if call_id in called:
                yield Refusal(f"Duplicate function call with call_id {call_id}.", "input")
            called.add(call_id)
        if item.get("type") == "function_call_output":
            if call_id not in called:
                yield Refusal(f"No tool call found for function call output with call_id {call_id}.", "input")
            if call_id in answered:
                yield Refusal(f"Duplicate function call output with call_id {call_id}.", "input")
            answered.add(call_id)
    for call_id in sorted(str(one) for one in called - answered):
        yield Refusal(f"No tool output found for function call {call_id}.", "input")


def _reasoning(items: list[Obj]) -> Iterator[Refusal]:
    """What we reasoned comes back sealed and unchanged, before what followed from it."""
    reasoned: set[str | None] = set()
    for index, item in enumerate(items):
        turn, name = turn_of(item), f"'{item.get('id')}' of type '{item.get('type', 'message')}'"
        if item.get("type") == "reasoning":
            reasoned.add(turn)
            sealed = item.get("encrypted_content")
            if sealed is None:
                message = (
                    f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false."
                )
                yield Refusal(message, "input", status=404)
            elif sealed != seal(str(item["id"]), item["summary"]):
                message = f"The encrypted content for item {item['id']} could not be verified."
                yield Refusal(message, f"input[{index}]", "invalid_encrypted_content")
            if not any(turn_of(one) == turn for one in items[index + 1 :] if turn is not None):
                yield Refusal(f"Item {name} was provided without its required following item.", "input")
        elif turn and turn.startswith("r") and turn not in reasoned and (item.get("id") or role(item)):
            yield Refusal(f"Item {name} was provided without its required 'reasoning' item: 'rs_{turn}'.", "input")

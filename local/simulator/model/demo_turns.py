"""Turns for requests without a script: enough for a demo and for manual trials.

Keywords select a tool call: the time, or listing, creating and destroying instances. A tool's output is summarized
in a sentence; any other message gets a text that repeats it.
"""

import json
import re

from local.simulator.engine.model_scripts import ScriptedToolCall, ScriptedTurn
from local.simulator.http.messages import Obj, as_list, as_obj, as_str
from local.simulator.model.request import ModelRequest

_NAME_PATTERN = re.compile(
    r"\b(?:named|called|name(?: it)?)\s+[\"'“]?([A-Za-z0-9][\w -]*?\w|\w)[\"'”]?(?:[\s.,!?]*$|[.,!?]\s|\s+with\b)",
    re.IGNORECASE,
)
_INSTANCE_PATTERN = re.compile(r"\b(?:instance|agent)\s+[\"'“]?([A-Za-z0-9][\w-]*)", re.IGNORECASE)
_TIMESTAMP_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?")

_NAME_PREFIX = "convos-agent-"
_MAX_ID_LENGTH = 19
"""With the prefix 32 characters, the longest service name that Railway accepts."""


def build_demo_turn(request: ModelRequest) -> ScriptedTurn:
    """Build the turn that fits the last user message and the tool results after it."""
    if request.tool_results:
        return ScriptedTurn(text=" ".join(_describe_output(name, output) for name, output in request.tool_results))
    call = _choose_tool_call(request)
    return ScriptedTurn(calls=[call]) if call else ScriptedTurn(text=_build_fallback_text(request.user_text))


def _build_fallback_text(text: str) -> str:
    words = " ".join(text.split())
    return (
        f"You said: “{words[:500]}”. I am the simulated model: I can tell the time, list the instances, and create "
        "or destroy one if you approve."
    )


def _choose_tool_call(request: ModelRequest) -> ScriptedToolCall | None:
    text = request.user_text.lower()
    if re.search(r"\b(time|clock)\b", text):
        return _build_tool_call(request, "time.now", {})
    mentions_instance = re.search(r"\b(instances?|agents?)\b", text)
    if mentions_instance and re.search(r"\b(create|make|start|launch|add)\b", text):
        return _build_tool_call(request, "instances.create", _build_create_arguments(request))
    if mentions_instance and re.search(r"\b(destroy|delete|remove)\b", text):
        return _build_tool_call(
            request, "instances.destroy", {"instanceId": _to_instance_id(_find_instance_name(request.user_text))}
        )
    if mentions_instance and re.search(r"\b(list|show|which|what|how many)\b", text):
        return _build_tool_call(request, "instances.list", {})
    return None


def _build_tool_call(request: ModelRequest, tool_id: str, arguments: Obj) -> ScriptedToolCall | None:
    name = request.find_tool_name(tool_id)
    return ScriptedToolCall(name=name, arguments=arguments) if name else None


def _find_instance_name(text: str) -> str:
    found = _NAME_PATTERN.search(text) or _INSTANCE_PATTERN.search(text)
    return found.group(1).strip() if found else "demo"


def _to_instance_id(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").removeprefix(_NAME_PREFIX)
    return plain[:_MAX_ID_LENGTH].strip("-") or "demo"


def _build_create_arguments(request: ModelRequest) -> Obj:
    """Build the arguments of `instances.create`; `tools` is empty, or absent if optional: tools cost money."""
    found = _NAME_PATTERN.search(request.user_text)
    instance_id = _to_instance_id(found.group(1) if found else "demo")
    values: Obj = {"instanceId": instance_id, "name": f"{_NAME_PREFIX}{instance_id}", "tools": []}
    schema = as_obj(as_obj(request.tools.get(request.find_tool_name("instances.create") or "")).get("parameters"))
    required = as_list(schema.get("required"))
    return {name: value for name, value in values.items() if name != "tools" or name in required}


def _describe_output(name: str, output: str) -> str:
    """Summarize a tool's output in one sentence."""
    try:
        value: object = json.loads(output)
    except ValueError:
        value = output
    result = as_obj(value)
    error = _find_error(output, result)
    if error is not None:
        rejected = re.search(r"\b(reject|declin|denied|refus)", error, re.IGNORECASE)
        return f"That was rejected: {error}" if rejected else f"That did not work: {error}"
    moment = _TIMESTAMP_PATTERN.search(output)
    if "time" in name and moment:
        return f"It is {moment.group(0)}."
    if "list" in name:
        return _describe_list(value)
    if "create" in name:
        return _describe_creation(result)
    if "destroy" in name:
        return f"{_find_first_text(result, ('instanceId',)) or 'The instance'} is destroyed."
    return f"Here is the result: {output[:1000]}"


def _find_error(output: str, result: Obj) -> str | None:
    error = result.get("error")
    if error:
        return as_str(error) or as_str(as_obj(error).get("message")) or json.dumps(error)
    return output if re.match(r"\W*(error|failed|rejected)\b", output, re.IGNORECASE) else None


def _describe_list(value: object) -> str:
    no_rows: list[object] = []
    rows = as_list(value) or next((rows for one in as_obj(value).values() if (rows := as_list(one))), no_rows)
    names = [_find_first_text(as_obj(row), ("name", "instanceId", "id")) for row in rows]
    if not rows:
        return "There are no instances."
    how_many = "is 1 instance" if len(rows) == 1 else f"are {len(rows)} instances"
    return f"There {how_many}: {', '.join(name or '?' for name in names[:50])}."


def _describe_creation(result: Obj) -> str:
    name = _find_first_text(result, ("instanceId", "name")) or "The instance"
    if result.get("url"):
        return f"{name} is created and can be reached at {result['url']}."
    if result.get("status") == "running":
        return f"{name} is being created; the operation is {result.get('operationId')}."
    return f"{name} is created; it has no address yet."


def _find_first_text(row: Obj, names: tuple[str, ...]) -> str | None:
    return next((found for name in names if (found := as_str(row.get(name)))), None)

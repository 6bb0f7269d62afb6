"""What the model says when nothing is scripted: enough for a demo and for trying things out by hand.

It tells the time, lists, creates and destroys instances by the tools it is given, and says of a tool's output what a
person would want to know; anything else it answers with a friendly text that repeats the question.
"""

import json
import re

from local.simulator.model.question import Question
from local.simulator.model.script import ScriptedCall, Turn
from local.simulator.wire import Obj, as_list, as_obj, as_str

_NAMED = re.compile(
    r"\b(?:named|called|name(?: it)?)\s+[\"'“]?([A-Za-z0-9][\w -]*?\w|\w)[\"'”]?(?:[\s.,!?]*$|[.,!?]\s|\s+with\b)", re.I
)
_WHICH = re.compile(r"\b(?:instance|agent)\s+[\"'“]?([A-Za-z0-9][\w-]*)", re.I)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?")

_PREFIX = "convos-agent-"
_LONGEST = 19
"""Railway takes names of at most 32 characters."""


def improvised(asked: Question) -> Turn:
    """The turn that fits what the user said and what the tools have answered since."""
    if asked.results:
        return Turn(text=" ".join(_told(name, output) for name, output in asked.results))
    call = _call(asked)
    return Turn(calls=[call]) if call else Turn(text=_friendly(asked.text))


def _friendly(text: str) -> str:
    said = " ".join(text.split())
    return (
        f"You said: “{said[:500]}”. I am the simulated model: I can tell the time, list the instances, and create "
        "or destroy one if you approve."
    )


def _call(asked: Question) -> ScriptedCall | None:
    text = asked.text.lower()
    if re.search(r"\b(time|clock)\b", text):
        return _if_given(asked, "time.now", {})
    thing = re.search(r"\b(instances?|agents?)\b", text)
    if thing and re.search(r"\b(create|make|start|launch|add)\b", text):
        return _if_given(asked, "instances.create", _creation(asked))
    if thing and re.search(r"\b(destroy|delete|remove)\b", text):
        return _if_given(asked, "instances.destroy", {"instanceId": _instance_id(_which(asked.text))})
    if thing and re.search(r"\b(list|show|which|what|how many)\b", text):
        return _if_given(asked, "instances.list", {})
    return None


def _if_given(asked: Question, tool_id: str, arguments: Obj) -> ScriptedCall | None:
    name = asked.tool(tool_id)
    return ScriptedCall(name=name, arguments=arguments) if name else None


def _which(text: str) -> str:
    found = _NAMED.search(text) or _WHICH.search(text)
    return found.group(1).strip() if found else "demo"


def _instance_id(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").removeprefix(_PREFIX)
    return plain[:_LONGEST].strip("-") or "demo"


def _creation(asked: Question) -> Obj:
    """No tools are asked for unless the schema insists: they would cost money."""
    found = _NAMED.search(asked.text)
    instance_id = _instance_id(found.group(1) if found else "demo")
    values: Obj = {"instanceId": instance_id, "name": f"{_PREFIX}{instance_id}", "tools": []}
    schema = as_obj(as_obj(asked.tools.get(asked.tool("instances.create") or "")).get("parameters"))
    required = as_list(schema.get("required"))
    return {name: value for name, value in values.items() if name != "tools" or name in required}


def _told(name: str, output: str) -> str:
    """A sentence about a tool's output."""
    try:
        value: object = json.loads(output)
    except ValueError:
        value = output
    result = as_obj(value)
    error = _error(output, result)
    if error is not None:
        rejected = re.search(r"\b(reject|declin|denied|refus)", error, re.I)
        return f"That was rejected: {error}" if rejected else f"That did not work: {error}"
    moment = _MOMENT.search(output)
    if "time" in name and moment:
        return f"It is {moment.group(0)}."
    if "list" in name:
        return _listed(value)
    if "create" in name:
        return _created(result)
    if "destroy" in name:
        return f"{_first(result, ('instanceId',)) or 'The instance'} is destroyed."
    return f"Here is the result: {output[:1000]}"


def _error(output: str, result: Obj) -> str | None:
    error = result.get("error")
    if error:
        return as_str(error) or as_str(as_obj(error).get("message")) or json.dumps(error)
    return output if re.match(r"\W*(error|failed|rejected)\b", output, re.I) else None


def _listed(value: object) -> str:
    no_rows: list[object] = []
    rows = as_list(value) or next((rows for one in as_obj(value).values() if (rows := as_list(one))), no_rows)
    names = [_first(as_obj(row), ("name", "instanceId", "id")) for row in rows]
    if not rows:
        return "There are no instances."
    how_many = "is 1 instance" if len(rows) == 1 else f"are {len(rows)} instances"
    return f"There {how_many}: {', '.join(name or '?' for name in names[:50])}."


def _created(result: Obj) -> str:
    name = _first(result, ("instanceId", "name")) or "The instance"
    if result.get("url"):
        return f"{name} is created and can be reached at {result['url']}."
    if result.get("status") == "running":
        return f"{name} is being created; the operation is {result.get('operationId')}."
    return f"{name} is created; it has no address yet."


def _first(row: Obj, names: tuple[str, ...]) -> str | None:
    return next((found for name in names if (found := as_str(row.get(name)))), None)

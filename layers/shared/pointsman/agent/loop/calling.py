"""One call that the model has asked for: checked, shown to a person where one must approve it, run once, answered."""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from ...db import prompt_calls, prompt_events
from ...db.connection import Connection
from ...errors import InvalidToolInput, PointsmanError
from ...moments import iso
from ...prompts import told
from ...settings.prompts import PromptSettings
from ..plugin import Prompt
from ..tool import AnyTool, Invocation
from .held import Held, Run

__all__ = ["settle"]

Call = prompt_calls.Call
_CUT_OFF = "its process ended"


def settle(held: Held, prompt: Prompt, call: Call, settings: PromptSettings) -> bool:
    """Bring the call to its result, or to where a person must decide. Whether it waits."""
    if call.state == "running":
        _answer(held, call, told.unknown_outcome(_CUT_OFF), call.started_at or told.now())
    elif call.state == "rejected":
        _answer(held, call, _error("A person rejected this call" + (f": {call.note}" if call.note else "")))
    elif call.state == "waiting":
        held.write(lambda db, now: _expired(db, now, call), waited=True)
    elif call.state == "expired":
        _answer(held, call, _error("Not run: nobody approved this call in time"))
    else:
        return _checked(held, prompt, call, settings)
    return False


def _checked(held: Held, prompt: Prompt, call: Call, settings: PromptSettings) -> bool:
    tools = {tool.id: tool for tool in prompt.tools}
    tool = tools.get(call.asked["name"])
    if tool is None:
        names = ", ".join(sorted(tools)) or "none"
        _answer(held, call, _error(f"There is no tool {call.asked['name'][:128]!r}. The tools are: {names}"))
        return False
    try:
        given = told.parsed(call.asked["arguments"])
    except ValueError as error:
        _answer(held, call, _error(f"The arguments of {tool.id} are not JSON: {error}"))
        return False
    try:
        valid = tool.read(given)
        reason = tool.approval_reason(valid)
        digest = _digest(tool, valid)
    except InvalidToolInput as error:
        _answer(held, call, _error(f"{error.message}: {_issues(error)}"))
        return False
    except PointsmanError as error:
        _answer(held, call, _error(error.message))
        return False
    if call.state == "asked" and reason is not None:
        shown = {"toolName": tool.id, "input": given, "reason": reason}
        held.write(lambda db, now: _waits(db, now, call, shown, digest, settings))
        return True
    if call.state == "approved" and digest != call.digest:
        _answer(held, call, _error("Not run: this is not any more what was approved"))
        return False
    held.write(lambda db, now: _begins(db, now, call))
    _run(held, prompt, call, tool, given, settings)
    return False


def _run(held: Held, prompt: Prompt, call: Call, tool: AnyTool, given: object, settings: PromptSettings) -> None:
    """Call the tool. That is written down already: whatever happens from here on, it is never called again for this."""
    begun, files = told.now(), list[told.Output]()

    def output_file(path: str, mime_type: str | None = None, description: str | None = None) -> None:
        file: told.Output = {"type": "file", "path": path}
        if mime_type is not None:
            file["mimeType"] = mime_type
        if description is not None:
            file["description"] = description
        files.append({**file, "start": iso(begun), "end": iso(told.now())})

    state = copy.deepcopy(held.run.state)
    invocation = Invocation(held.run.user_id, prompt.services, state, output_file)
    result: told.Output
    try:
        result = {"type": "success", "output": tool.call(invocation, given, approved=call.state == "approved")}
    except InvalidToolInput as error:
        result = _error(f"{error.message}: {_issues(error)}")
    except PointsmanError as error:
        result = _error(error.message)
    state, result = _storable(state, held.run.state, result)
    left = settings.max_output_bytes - held.run.output_bytes
    size = len(json.dumps([result, files]))
    if size > left:
        files.clear()
        result = _error(
            f"It has run, but what it returned is {size} bytes, and the prompt has {max(left, 0)} of"
            f" {settings.max_output_bytes} left"
        )
    _answer(held, call, result, begun, files, state)


def _storable(state: dict[str, Any], before: dict[str, Any], result: told.Output) -> tuple[dict[str, Any], told.Output]:
    """The tools' state and the result; the state as it was, and an error, where it cannot be written as JSON."""
    try:
        return json.loads(json.dumps(state, allow_nan=False)), result
    except (TypeError, ValueError, RecursionError):
        return before, _error("It has run, but what it keeps for later calls cannot be written as JSON")


def _answer(
    held: Held,
    call: Call,
    result: Mapping[str, object],
    begun: datetime | None = None,
    files: list[told.Output] | None = None,
    state: dict[str, Any] | None = None,
) -> None:
    started = begun or told.now()

    def write(db: Connection, now: Run) -> Run:
        return told.answered(db, now if state is None else replace(now, state=state), call, result, started, files)

    held.write(write)


def _waits(
    db: Connection, now: Run, call: Call, shown: dict[str, object], digest: str, settings: PromptSettings
) -> Run:
    prompt_calls.wait(db, call, shown, digest, settings.approval_seconds)
    prompt_events.add(db, now.id, "prompt.approval", {"promptId": now.id, "toolCallId": call.id, **shown})
    return replace(now, status="waiting")


def _expired(db: Connection, now: Run, call: Call) -> Run:
    prompt_calls.expire(db, call)
    return replace(now, status="running")


def _begins(db: Connection, now: Run, call: Call) -> Run:
    prompt_calls.start(db, call)
    return now


def _digest(tool: AnyTool, valid: BaseModel) -> str:
    """Stands for the call as it will be made: the tool and all of its input, defaults too."""
    text = json.dumps([tool.id, valid.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _issues(error: InvalidToolInput) -> str:
    return "; ".join(f"{'.'.join(map(str, one['path'])) or 'value'}: {one['message']}" for one in error.issues)


def _error(message: str) -> told.Output:
    return {"type": "error", "error": message}

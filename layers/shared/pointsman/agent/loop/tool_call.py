"""One call that the model has asked for: checked, shown to a person where one must approve it, run once, answered."""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from ...db import prompt_events, tool_calls
from ...db.connection import Connection
from ...errors import InvalidToolInput, PointsmanError
from ...prompts import transcript
from ...settings.prompts import PromptSettings
from ...timestamps import format_timestamp
from ..plugin import Prompt
from ..tool import AnyTool, Invocation
from ..validation import format_issues
from .ownership import OwnedPrompt, PromptRun

__all__ = ["process_call"]

ToolCall = tool_calls.ToolCall


def process_call(owned: OwnedPrompt, prompt: Prompt, call: ToolCall, settings: PromptSettings) -> bool:
    """Bring the call to its result, or to where a person must decide. Whether it waits."""
    if call.state == "running":
        _record_result(
            owned,
            call,
            transcript.unknown_outcome_result(transcript.PROCESS_ENDED),
            call.started_at or transcript.utc_now(),
        )
    elif call.state == "rejected":
        _record_result(
            owned, call, _error_result("A person rejected this call" + (f": {call.note}" if call.note else ""))
        )
    elif call.state == "waiting":
        owned.write(lambda db, now: _expire_approval(db, now, call), extend_deadline=True)
    elif call.state == "expired":
        _record_result(owned, call, _error_result("Not run: nobody approved this call in time"))
    else:
        return _validate_and_run(owned, prompt, call, settings)
    return False


def _validate_and_run(owned: OwnedPrompt, prompt: Prompt, call: ToolCall, settings: PromptSettings) -> bool:
    tools = {tool.id: tool for tool in prompt.tools}
    tool = tools.get(call.asked["name"])
    if tool is None:
        names = ", ".join(sorted(tools)) or "none"
        _record_result(
            owned, call, _error_result(f"There is no tool {call.asked['name'][:128]!r}. The tools are: {names}")
        )
        return False
    try:
        arguments = transcript.parse_arguments(call.asked["arguments"])
    except ValueError as error:
        _record_result(owned, call, _error_result(f"The arguments of {tool.id} are not JSON: {error}"))
        return False
    try:
        tool_input = tool.validate_input(arguments)
        reason = tool.get_approval_reason(tool_input)
        digest = _compute_digest(tool, tool_input)
    except InvalidToolInput as error:
        _record_result(owned, call, _error_result(f"{error.message}: {format_issues(error.issues)}"))
        return False
    except PointsmanError as error:
        _record_result(owned, call, _error_result(error.message))
        return False
    if call.state == "asked" and reason is not None:
        approval_request = {"toolName": tool.id, "input": arguments, "reason": reason}
        owned.write(lambda db, now: _request_approval(db, now, call, approval_request, digest, settings))
        return True
    if call.state == "approved" and digest != call.digest:
        _record_result(owned, call, _error_result("Not run: this is not any more what was approved"))
        return False
    owned.write(lambda db, now: _mark_running(db, now, call))
    _run_tool(owned, prompt, call, tool, arguments, settings)
    return False


def _run_tool(
    owned: OwnedPrompt, prompt: Prompt, call: ToolCall, tool: AnyTool, arguments: object, settings: PromptSettings
) -> None:
    """Call the tool. That is written down already: whatever happens from here on, it is never called again for this."""
    started_at, files = transcript.utc_now(), list[transcript.PromptOutput]()

    def output_file(path: str, mime_type: str | None = None, description: str | None = None) -> None:
        file: transcript.PromptOutput = {"type": "file", "path": path}
        if mime_type is not None:
            file["mimeType"] = mime_type
        if description is not None:
            file["description"] = description
        files.append({**file, "start": format_timestamp(started_at), "end": format_timestamp(transcript.utc_now())})

    state = copy.deepcopy(owned.prompt_run.state)
    invocation = Invocation(owned.prompt_run.user_id, prompt.services, state, output_file)
    result: transcript.PromptOutput
    try:
        result = {"type": "success", "output": tool.call(invocation, arguments, approved=call.state == "approved")}
    except InvalidToolInput as error:
        result = _error_result(f"{error.message}: {format_issues(error.issues)}")
    except PointsmanError as error:
        result = _error_result(error.message)
    state, result = _ensure_serializable(state, owned.prompt_run.state, result)
    remaining = settings.max_output_bytes - owned.prompt_run.output_bytes
    size = len(json.dumps([result, files]))
    if size > remaining:
        files.clear()
        result = _error_result(
            f"It has run, but what it returned is {size} bytes, and the prompt has {max(remaining, 0)} of"
            f" {settings.max_output_bytes} left"
        )
    _record_result(owned, call, result, started_at, files, state)


def _ensure_serializable(
    state: dict[str, Any], previous_state: dict[str, Any], result: transcript.PromptOutput
) -> tuple[dict[str, Any], transcript.PromptOutput]:
    """The tools' state and the result; the state as it was, and an error, where it cannot be written as JSON."""
    try:
        return json.loads(json.dumps(state, allow_nan=False)), result
    except (TypeError, ValueError, RecursionError):
        return previous_state, _error_result("It has run, but what it keeps for later calls cannot be written as JSON")


def _record_result(
    owned: OwnedPrompt,
    call: ToolCall,
    result: Mapping[str, object],
    started_at: datetime | None = None,
    files: list[transcript.PromptOutput] | None = None,
    state: dict[str, Any] | None = None,
) -> None:
    start_time = started_at or transcript.utc_now()

    def record(db: Connection, prompt_run: PromptRun) -> PromptRun:
        return transcript.append_tool_result(
            db, prompt_run if state is None else replace(prompt_run, state=state), call, result, start_time, files
        )

    owned.write(record)


def _request_approval(
    db: Connection,
    prompt_run: PromptRun,
    call: ToolCall,
    approval_request: dict[str, object],
    digest: str,
    settings: PromptSettings,
) -> PromptRun:
    tool_calls.mark_waiting(db, call, approval_request, digest, settings.approval_seconds)
    prompt_events.append(
        db, prompt_run.id, "prompt.approval", {"promptId": prompt_run.id, "toolCallId": call.id, **approval_request}
    )
    return replace(prompt_run, status="waiting")


def _expire_approval(db: Connection, prompt_run: PromptRun, call: ToolCall) -> PromptRun:
    tool_calls.mark_expired(db, call)
    return replace(prompt_run, status="running")


def _mark_running(db: Connection, prompt_run: PromptRun, call: ToolCall) -> PromptRun:
    tool_calls.mark_running(db, call)
    return prompt_run


def _compute_digest(tool: AnyTool, tool_input: BaseModel) -> str:
    """Stands for the call as it will be made: the tool and all of its input, defaults too."""
    text = json.dumps([tool.id, tool_input.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _error_result(message: str) -> transcript.PromptOutput:
    return {"type": "error", "error": message}

"""Processing of one tool call: validate it, request an approval if it needs one, run it once, record its result."""

import copy
import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from ...actor import Actor, set_actor
from ...db import prompt_events, tool_calls
from ...db.connection import Connection
from ...db.prompt_runs import PromptRun
from ...db.tool_calls import ToolCall
from ...errors import InvalidToolInput, PointsmanError
from ...misconfiguration import hide_setting
from ...prompts.output_size import shorten_error
from ...prompts.quotas import find_exceeded_approvals
from ...prompts.transcript import (
    PROCESS_ENDED,
    PromptOutput,
    ToolResult,
    append_call_event,
    append_decided_event,
    append_tool_result,
    error_result,
    measure_result,
    parse_arguments,
    unknown_outcome_result,
)
from ...settings.permissions import ApproverRule
from ...settings.prompts import PromptSettings, QuotaSettings
from ...timestamps import format_timestamp
from ..display import show_text, show_value
from ..plugin import Prompt
from ..secret_fields import conceal, find_secret_texts, mask_fields
from ..tool import AnyTool, Invocation
from ..validation import format_issues
from .ownership import OwnedPrompt, Progress

__all__ = ["process_call"]

_MAX_ID_CHARS = 128
"""Of the model's id of a call, in an audit entry."""
_MAX_STATE_BYTES = 100_000
"""Of what all tools of a conversation keep from call to call, as JSON."""


def process_call(owned: OwnedPrompt, prompt: Prompt, call: ToolCall, settings: PromptSettings) -> Progress:
    """Bring the call to its result, or to `waiting` if a person must approve it.

    Raises:
        OwnershipLost: the prompt has ended or has another owner.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    match call.state:
        case "running":
            _record_result(owned, call, unknown_outcome_result(PROCESS_ENDED, call.started_at))
        case "rejected":
            reason = f": {call.note}" if call.note else ""
            _record_result(owned, call, error_result(f"A person rejected this call{reason}"))
        case "waiting":
            owned.write(lambda db, prompt_run: _expire_approval(db, prompt_run, call), extend_deadline=True)
        case "expired":
            _record_result(owned, call, error_result("Not run: nobody approved this call in time"))
        case _:
            return _validate_and_run(owned, prompt, call, settings)
    return Progress.CONTINUES


def _validate_and_run(owned: OwnedPrompt, prompt: Prompt, call: ToolCall, settings: PromptSettings) -> Progress:
    try:
        valid = _validate(prompt, call)
    except _InvalidCall as error:
        _record_result(owned, call, error_result(str(error)))
        return Progress.CONTINUES
    if call.state == "asked" and valid.approval_reason is not None:
        quotas = QuotaSettings.load()
        owned.write(lambda db, prompt_run: _request_approval(db, prompt_run, call, valid, settings, quotas))
        return Progress.WAITS if owned.prompt_run.status == "waiting" else Progress.CONTINUES
    if call.state == "approved" and valid.digest != call.digest:
        _record_result(owned, call, error_result("Not run: this is not any more what was approved"))
        return Progress.CONTINUES
    owned.write(lambda db, prompt_run: _mark_running(db, prompt_run, call))
    _run_tool(owned, prompt, call, valid, settings.max_output_bytes)
    return Progress.CONTINUES


class _InvalidCall(Exception):
    """The call cannot run. The text is for the model."""


@dataclass(frozen=True, slots=True)
class _ValidCall:
    """A call whose arguments fit its tool's input. `digest` is of the tool and the whole input, defaults included."""

    tool: AnyTool
    approver: ApproverRule
    arguments: object = field(repr=False)
    approval_reason: str | None
    digest: str


def _validate(prompt: Prompt, call: ToolCall) -> _ValidCall:
    tools = {tool.id: tool for tool in prompt.tools}
    tool = tools.get(call.asked["name"])
    if forbidden := prompt.find_forbidden_tool(call.asked["name"]):
        raise _InvalidCall(f"Not run: {forbidden.id} needs the permission {forbidden.requires}, which the user has not")
    if tool is None:
        tool_ids = ", ".join(sorted(tools)) or "none"
        raise _InvalidCall(f"There is no tool {call.asked['name'][:128]!r}. The tools are: {tool_ids}")
    try:
        arguments = parse_arguments(call.arguments)
    except ValueError as error:
        raise _InvalidCall(f"The arguments of {tool.id} are not JSON: {error}") from None
    try:
        tool_input = tool.validate_input(arguments)
        return _ValidCall(
            tool,
            prompt.get_approver(tool),
            arguments,
            tool.get_approval_reason(tool_input),
            _compute_digest(tool, tool_input, call.secret["salt"] if call.secret else ""),
        )
    except PointsmanError as error:
        raise _InvalidCall(_error_message(error)) from None


def _compute_digest(tool: AnyTool, tool_input: BaseModel, salt: str) -> str:
    """Hash the tool and its input; with a salt, which is erased with the secrets, so that these cannot be guessed."""
    text = json.dumps([tool.id, tool_input.model_dump(mode="json")], sort_keys=True).encode(errors="surrogatepass")
    return hmac.digest(salt.encode(), text, "sha256").hex() if salt else hashlib.sha256(text).hexdigest()


def _error_message(error: PointsmanError) -> str:
    if isinstance(error, InvalidToolInput):
        return f"{error.message}: {format_issues(error.issues)}"
    return hide_setting(error).message


def _run_tool(owned: OwnedPrompt, prompt: Prompt, call: ToolCall, valid: _ValidCall, max_output_bytes: int) -> None:
    """Run the tool and record its result. The call is committed as `running`, so from here on it never runs again."""
    started_at, files = datetime.now(UTC), list[PromptOutput]()

    def output_file(path: str, mime_type: str | None = None, description: str | None = None) -> None:
        file: PromptOutput = {"type": "file", "path": path}
        if mime_type is not None:
            file["mimeType"] = mime_type
        if description is not None:
            file["description"] = description
        files.append({**file, "start": format_timestamp(started_at), "end": format_timestamp(datetime.now(UTC))})

    state = copy.deepcopy(owned.prompt_run.state)
    invocation = Invocation(owned.prompt_run.user_id, prompt.services, prompt.permissions, state, output_file)
    details = {"promptId": owned.prompt_run.id, "toolCallId": call.id[:_MAX_ID_CHARS]}
    set_actor(Actor("user", owned.prompt_run.user_id, details=details))
    try:
        output = valid.tool.call(invocation, valid.arguments, approved=call.state == "approved")
        result = ToolResult({"type": "success", "output": output}, started_at, files)
    except PointsmanError as error:
        result = replace(error_result(_error_message(error), started_at), files=files)
    finally:
        set_actor(None)
    try:
        state_json = json.dumps(state, allow_nan=False)
        problem = f"is over {_MAX_STATE_BYTES} bytes" if len(state_json) > _MAX_STATE_BYTES else ""
    except (TypeError, ValueError, RecursionError):
        state_json, problem = "", "cannot be written as JSON"
    if problem:
        message = f"It has run, but what it keeps for later calls {problem}"
        result = replace(error_result(message, started_at), files=files)
    state = owned.prompt_run.state if problem else json.loads(state_json)
    remaining = max(max_output_bytes - owned.prompt_run.output_bytes, 0)
    size = measure_result(result)
    if size > remaining and (files or result.content["type"] == "success"):
        result = error_result(
            f"It has run, but what it returned is {size} bytes, and the prompt has {remaining} of"
            f" {max_output_bytes} left",
            started_at,
        )
    _record_result(owned, call, result, state)


def _record_result(owned: OwnedPrompt, call: ToolCall, result: ToolResult, state: dict[str, Any] | None = None) -> None:
    """Record the result, an error shortened to what fits, and the tools' `state` if the tool ran."""
    if result.content["type"] == "error":
        remaining = PromptSettings.load().max_output_bytes - owned.prompt_run.output_bytes
        message = shorten_error(str(result.content["error"]), remaining)
        result = replace(result, content={"type": "error", "error": message})

    def record(db: Connection, prompt_run: PromptRun) -> PromptRun:
        if state is not None:
            prompt_run = replace(prompt_run, state=state)
        return append_tool_result(db, prompt_run, call, result)

    owned.write(record)


def _request_approval(
    db: Connection,
    prompt_run: PromptRun,
    call: ToolCall,
    valid: _ValidCall,
    settings: PromptSettings,
    quotas: QuotaSettings,
) -> PromptRun:
    """Let the call wait for a person, or give it an error as its result if no more may wait."""
    if exceeded := find_exceeded_approvals(db, prompt_run.user_id, quotas):
        return append_tool_result(db, prompt_run, call, error_result(f"Not run: {exceeded.message}"))
    approval_request = _describe_for_person(valid)
    tool_calls.mark_waiting(
        db, call, approval_request, valid.digest, settings.approval_seconds, valid.approver, valid.tool.requires
    )
    prompt_events.append(
        db, prompt_run.id, "prompt.approval", {"promptId": prompt_run.id, "toolCallId": call.id, **approval_request}
    )
    return replace(prompt_run, status="waiting")


def _describe_for_person(valid: _ValidCall) -> dict[str, object]:
    """Describe the call for the person who decides: nothing invisible, nothing secret, and of a bounded size."""
    tool, reason = valid.tool, valid.approval_reason or ""
    reason = conceal(reason, find_secret_texts(valid.arguments, [*tool.secret_fields]))
    shown_input = show_value(mask_fields(valid.arguments, tool.secret_fields))
    return {"toolName": tool.id, "input": shown_input, "reason": show_text(reason)}


def _expire_approval(db: Connection, prompt_run: PromptRun, call: ToolCall) -> PromptRun:
    tool_calls.mark_expired(db, call)
    append_decided_event(db, call, "expired")
    return replace(prompt_run, status="running")


def _mark_running(db: Connection, prompt_run: PromptRun, call: ToolCall) -> PromptRun:
    tool_calls.mark_running(db, call)
    append_call_event(db, call)
    return prompt_run

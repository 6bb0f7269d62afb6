"""Approvals of tool calls: a person's decision, and the task token that wakes the execution after it."""

import json
import uuid
from collections.abc import Collection
from dataclasses import replace

from ..db import audit_log, prompt_runs, tool_calls, user_prompts
from ..db.connection import Connection, run_in_transaction
from ..db.tool_calls import ToolCall
from ..errors import Forbidden, InvalidToolInput, PromptNotFound
from ..identity.permissions import format_permissions, is_granted
from ..list_cursor import ListCursor, format_cursor, parse_cursor
from ..response_size import count_fitting
from ..timestamps import format_timestamp
from ..workflows.step_functions import send_task_success
from .prompt_execution import try_wake
from .transcript import append_decided_event, parse_arguments

__all__ = ["UNSET", "decide", "list_pending", "register_task_token"]

_MAX_ID_CHARS = 128
"""Of the model's id of a call, in an audit entry."""


class _Unset:
    """Type of `UNSET`."""


UNSET = _Unset()
"""No expected input; None is an input that a client may expect."""


def decide(
    user_id: str,
    prompt_id: str,
    tool_call_id: str,
    is_approved: bool,
    *,
    reason: str | None = None,
    expected_input: object = UNSET,
    permissions: Collection[str] = (),
) -> None:
    """Approve or reject the waiting tool call, and wake the prompt's execution.

    Of several decisions about one call, exactly one is accepted.

    Args:
        user_id: who decides: the prompt's user, or somebody else where the tool's approver is `other`.
        prompt_id: the prompt.
        tool_call_id: the call that the person was shown.
        is_approved: whether the call may run.
        reason: why it was rejected; the model reads it.
        expected_input: the call's input, parsed JSON: as it was shown, or, of an own prompt, as the model wrote it.
        permissions: what the deciding user may do. If it is the prompt's user, they replace the prompt's.

    Raises:
        PromptNotFound: the user does not decide about this prompt, or it does not wait for this call with this input.
        Forbidden: the prompt's user cannot approve this call.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    decision_id = uuid.uuid4().hex

    def record_decision(db: Connection) -> bool:
        if not user_prompts.is_prompt_id(prompt_id):
            return False
        is_own = user_prompts.belongs_to(db, prompt_id, user_id)
        prompt = prompt_runs.lock_for_update(db, prompt_id)
        if tool_calls.has_decision(db, prompt_id, decision_id):
            return True  # The retry of a commit whose response was lost.
        call = tool_calls.find_waiting(db, prompt_id)
        if prompt is None or prompt.status != "waiting":
            return False
        if call is None or call.id != tool_call_id or call.shown is None:
            return False
        if not _may_decide(call, permissions, is_own=is_own, is_approved=is_approved):
            return False
        if expected_input is not UNSET and not _is_input_of(call, expected_input, is_own=is_own):
            return False
        if not tool_calls.record_decision(db, call, user_id, is_approved, reason, decision_id):
            return False
        decision = "approved" if is_approved else "rejected"
        append_decided_event(db, call, decision, reason=reason, decided_by=user_id)
        if is_own:
            prompt_runs.set_permissions(db, prompt_id, format_permissions(permissions))
        prompt_runs.save(db, replace(prompt, status="running"), extend_deadline=True)
        audit_log.record(
            db, "approval.approve" if is_approved else "approval.reject", "prompt", prompt_id, "succeeded",
            details={"toolCallId": call.id[:_MAX_ID_CHARS], "tool": call.shown["toolName"], "ownPrompt": is_own},
        )  # fmt: skip
        return True

    if not run_in_transaction(record_decision):
        raise PromptNotFound(f"Prompt {prompt_id[:128]!r} does not wait for an approval of {tool_call_id[:128]!r}")
    try_wake(prompt_id)


def _may_decide(call: ToolCall, permissions: Collection[str], *, is_own: bool, is_approved: bool) -> bool:
    """Whether the user may decide about the call. The prompt's user may reject any.

    Raises:
        Forbidden: the prompt's user cannot approve it.
    """
    is_permitted = is_granted(call.required_permission, permissions)
    if not is_own:
        return call.approver == "other" and is_permitted
    if is_approved and call.approver == "other":
        raise Forbidden(f"Somebody else with the permission {call.required_permission} approves this call")
    if is_approved and not is_permitted:
        raise Forbidden(f"The approval needs the permission {call.required_permission}")
    return True


def list_pending(user_id: str, permissions: Collection[str], cursor: str | None, limit: int) -> dict[str, object]:
    """List the calls that the user may decide about, as JSON; those that expire first, first.

    Args:
        user_id: who decides.
        permissions: what this user may do.
        cursor: the last page's `nextCursor`; None for the first page.
        limit: the most calls of a page.

    Raises:
        InvalidToolInput: the cursor is not one of ours.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    after = None if cursor is None else _parse_cursor(cursor)
    pending = run_in_transaction(tool_calls.list_decidable, user_id, permissions, after, limit + 1)
    page = [_describe(approval) for approval in pending[:limit]]
    page = page[: count_fitting(page)]
    result: dict[str, object] = {"approvals": page}
    if len(pending) > len(page):
        last = pending[len(page) - 1]
        result["nextCursor"] = format_cursor(ListCursor(last.expires_at, last.prompt_id))
    return result


def _describe(approval: tool_calls.PendingApproval) -> dict[str, object]:
    return {
        "promptId": approval.prompt_id,
        "toolCallId": approval.asked["id"],
        **approval.shown,
        "requestedBy": approval.user_id,
        "approver": approval.approver,
        "expiresAt": format_timestamp(approval.expires_at),
    }


def _parse_cursor(cursor: str) -> ListCursor:
    position = parse_cursor(cursor)
    if position is None:
        message = "It must be the nextCursor of a page of this list"
        raise InvalidToolInput("The request is not valid", [{"path": ["cursor"], "message": message}])
    return position


def _is_input_of(call: ToolCall, given: object, *, is_own: bool) -> bool:
    """Whether it is the call's input. Only the prompt's user may know what is masked or escaped in what is shown."""
    if call.shown is not None and _is_same_json(given, call.shown["input"]):
        return True
    try:
        return is_own and _is_same_json(given, parse_arguments(call.arguments))
    except ValueError:
        return False


def _is_same_json(left: object, right: object) -> bool:
    """Compare as text: in Python `1 == True` and `1 == 1.0`, in JSON they differ."""
    try:
        return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    except RecursionError:
        return False


def register_task_token(prompt_id: str, restarts: int, task_token: str) -> dict[str, object]:
    """Store the task token of the waiting execution, for the decision to use.

    If the prompt does not wait any more, or a newer execution runs it, the token is used at once.

    Args:
        prompt_id: the prompt.
        restarts: number of the execution that waits.
        task_token: Step Functions' token of the waiting state.

    Returns:
        `{"waiting": …}`: whether the token was stored.

    Raises:
        StepFunctionsError: the token could not be used.
        DatabaseUnavailable: Postgres cannot be reached.
    """

    def store(db: Connection) -> bool:
        prompt = prompt_runs.lock_for_update(db, prompt_id)
        if prompt is None or prompt.restarts != restarts or prompt.status != "waiting":
            return False
        prompt_runs.store_task_token(db, prompt_id, task_token)
        return True

    is_waiting = run_in_transaction(store)
    if not is_waiting:
        send_task_success(task_token)
    return {"waiting": is_waiting}

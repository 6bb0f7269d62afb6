"""Queries: a prompt as its user sees it."""

from typing import Any

from ..db import prompt_events, tool_calls, user_prompts
from ..db.connection import Connection, run_in_transaction
from ..errors import PromptNotFound
from ..response_size import count_fitting
from ..timestamps import format_timestamp

__all__ = ["PromptView", "get_prompt", "prompt_not_found"]

PromptView = dict[str, object]
"""The body of `GET /prompts/{promptId}`."""


def get_prompt(user_id: str, prompt_id: str) -> PromptView:
    """Read the user's prompt with its outputs, its usage, and the approval that it waits for.

    Outputs that would not fit into a response are counted in `omittedOutputs`; the prompt's stream has all.

    Raises:
        PromptNotFound: the user has no prompt of this id.
        DatabaseUnavailable: Postgres cannot be reached.
    """

    def load(
        db: Connection,
    ) -> tuple[user_prompts.PromptDetails, list[dict[str, Any]], tool_calls.ToolCall | None] | None:
        prompt = user_prompts.get(db, prompt_id, user_id)
        if prompt is None:
            return None
        return prompt, prompt_events.list_outputs(db, prompt_id), tool_calls.find_waiting(db, prompt_id)

    snapshot = run_in_transaction(load)
    if snapshot is None:
        raise prompt_not_found(prompt_id)
    prompt, outputs, call = snapshot
    view: PromptView = {"id": prompt.id}
    if prompt.conversation_id is not None:
        view["conversationId"] = prompt.conversation_id
    shown = count_fitting(outputs, at_least=0)
    view |= {"input": prompt.input, "model": prompt.model, "status": prompt.status, "outputs": outputs[:shown]}
    if shown < len(outputs):
        view["omittedOutputs"] = len(outputs) - shown
    if prompt.status == "waiting" and call is not None and call.shown is not None and call.expires_at is not None:
        view["approval"] = {
            "promptId": prompt.id, "toolCallId": call.id, **call.shown, "expiresAt": format_timestamp(call.expires_at)
        }  # fmt: skip
    view["usage"] = {
        "inputTokens": prompt.usage_input,
        "outputTokens": prompt.usage_output,
        "totalTokens": prompt.usage_total,
    }
    if prompt.error is not None:
        view["error"] = prompt.error
    return {**view, "createdAt": format_timestamp(prompt.created_at), "updatedAt": format_timestamp(prompt.updated_at)}


def prompt_not_found(prompt_id: str) -> PromptNotFound:
    """Build the error for a prompt that does not exist or is another user's. It shows 128 characters of the id."""
    return PromptNotFound(f"Prompt {prompt_id[:128]!r} not found")

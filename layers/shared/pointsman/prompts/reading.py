"""A prompt as its user sees it."""

from typing import Any

from ..db import prompt_calls, prompt_events, prompts
from ..db.connection import Connection, run
from ..errors import PromptNotFound
from ..moments import iso

__all__ = ["Event", "Page", "events_after", "page", "unknown"]

Event = prompt_events.Event
Page = dict[str, object]


def page(user_id: str, prompt_id: str) -> Page:
    """All of the user's prompt: what was asked, all outputs, and the approval that it waits for.

    Raises PromptNotFound.
    """

    def read(db: Connection) -> tuple[prompts.Whole, list[dict[str, Any]], prompt_calls.Call | None] | None:
        found = prompts.get(db, prompt_id, user_id)
        if found is None:
            return None
        return found, prompt_events.outputs(db, prompt_id), prompt_calls.waiting(db, prompt_id)

    seen = run(read)
    if seen is None:
        raise unknown(prompt_id)
    prompt, outputs, call = seen
    told: Page = {"id": prompt.id}
    if prompt.conversation_id is not None:
        told["conversationId"] = prompt.conversation_id
    told |= {"input": prompt.input, "model": prompt.model, "status": prompt.status, "outputs": outputs}
    if prompt.status == "waiting" and call is not None and call.shown is not None and call.expires_at is not None:
        told["approval"] = {
            "promptId": prompt.id, "toolCallId": call.id, **call.shown, "expiresAt": iso(call.expires_at)
        }  # fmt: skip
    told["usage"] = {
        "inputTokens": prompt.usage_input,
        "outputTokens": prompt.usage_output,
        "totalTokens": prompt.usage_total,
    }
    if prompt.error is not None:
        told["error"] = prompt.error
    return {**told, "createdAt": iso(prompt.created_at), "updatedAt": iso(prompt.updated_at)}


def events_after(user_id: str, prompt_id: str, seq: int = 0) -> list[Event]:
    """The events of the user's prompt after the one of this number. Raises PromptNotFound."""
    events = run(lambda db: prompt_events.after(db, prompt_id, user_id, seq))
    if events is None:
        raise unknown(prompt_id)
    return events


def unknown(prompt_id: str) -> PromptNotFound:
    return PromptNotFound(f"Prompt {prompt_id[:128]!r} not found")

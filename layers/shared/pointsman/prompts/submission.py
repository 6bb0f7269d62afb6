"""Submission of a prompt: one transaction stores it, then its execution is started."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import NamedTuple

from .. import log
from ..db import conversations, maintenance, prompt_events, prompt_history, prompt_runs, tool_calls
from ..db.connection import Connection, run_in_transaction, run_statement
from ..db.tool_calls import CallSecret
from ..errors import ConversationBusy, IdempotencyKeyReused, InvalidToolInput, NotFound, UnderMaintenance
from ..identity.permissions import format_permissions
from ..settings.prompts import PromptSettings, QuotaSettings
from ..workflows.step_functions import StepFunctionsError
from . import prompt_execution, quotas
from .model_items import build_user_message
from .termination import end_prompt

__all__ = ["DirectCall", "SubmittedPrompt", "build_created_data", "make_title", "start_prompt", "submit_prompt"]

_MAX_TITLE_LENGTH = 80
"""Characters of a conversation's title."""

_MAX_ATTEMPTS = 3
"""Attempts to insert. A key or a conversation may be taken and freed between two statements of one attempt."""


def build_created_data(prompt_id: str) -> dict[str, object]:
    """Build the data of `prompt.created`, the first event of every prompt."""
    return {"promptId": prompt_id}


class DirectCall(NamedTuple):
    """A tool call that the client asks for itself, in place of a model.

    Attributes:
        asked: `{"id", "name", "arguments"}`, with secrets masked.
        secret: the exact arguments if they are masked.
    """

    asked: dict[str, str]
    secret: CallSecret | None = None


class SubmittedPrompt(NamedTuple):
    """A prompt that is stored. `is_new` is False if an earlier request with the same idempotency key created it."""

    id: str
    is_new: bool


def submit_prompt(
    user_id: str,
    text: str,
    *,
    model: str = "normal",
    conversation_id: str | None = None,
    create_conversation: bool = False,
    tokens: bool = False,
    idempotency_key: str | None = None,
    permissions: Iterable[str] = (),
    call: DirectCall | None = None,
) -> SubmittedPrompt:
    """Store a prompt, or find the one that the same request with this key stored before.

    It does not run before `start_prompt`, so that a client can subscribe to its events in between.

    Args:
        user_id: whose prompt it is.
        text: the user's input.
        model: `normal` or `high`.
        conversation_id: the conversation that it continues.
        create_conversation: whether the conversation is created with the prompt if it does not exist.
        tokens: whether the model's text is published while it is generated.
        idempotency_key: the user's key of this request.
        permissions: what the user may do; the prompt's tools are those that need no others.
        call: the only tool call of a prompt without a model; it waits for its approval like any other.

    Raises:
        InvalidToolInput: the input is empty, too long, or holds characters that cannot be stored.
        NotFound: the user has no such conversation.
        ConversationBusy: another prompt of the conversation is active.
        IdempotencyKeyReused: the key came with another request before.
        QuotaExceeded: the user, or all users together, have used up a quota.
        UnderMaintenance: operators have stopped new prompts.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    settings, quota_settings = PromptSettings.load(), QuotaSettings.load()
    _validate_text(text, settings.max_input_bytes)
    prompt_id, fingerprint = f"prompt-{uuid.uuid4().hex}", _compute_fingerprint(text, model, conversation_id, tokens)

    attempts = 0

    def insert_once(db: Connection) -> str | None:
        nonlocal attempts
        attempts += 1
        if attempts > 1 and prompt_runs.get(db, prompt_id):
            return prompt_id  # The retry of a commit whose response was lost.
        if existing_id := _find_existing(db, user_id, idempotency_key, fingerprint):
            return existing_id
        try:
            maintenance.require_disabled(db)
        except UnderMaintenance:
            # The first request with this key may have been committed since, and a repeat of it is never refused.
            if existing_id := _find_existing(db, user_id, idempotency_key, fingerprint):
                return existing_id
            raise
        if conversation_id is not None and create_conversation:
            conversations.insert(db, conversation_id, user_id)
        if conversation_id is not None and not conversations.lock_for_update(db, conversation_id, user_id):
            raise NotFound(f"Conversation {conversation_id[:128]} not found")
        is_inserted = prompt_runs.insert(
            db,
            prompt_id,
            user_id,
            text,
            model=model,
            tokens=tokens,
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
            max_seconds=settings.max_seconds,
            permissions=format_permissions(permissions),
            is_direct=call is not None,
        )
        if not is_inserted:
            return None  # A conflict: the key, or the conversation's active prompt.
        prompt_events.append(db, prompt_id, "prompt.created", build_created_data(prompt_id))
        prompt_history.append(db, prompt_id, 0, [build_user_message(text)])
        if call is not None:
            tool_calls.insert(db, prompt_id, 1, 0, call.asked, call.secret)
        if conversation_id is not None:
            prompt_runs.touch_conversation(db, conversation_id, make_title(text))
        quotas.require_room_for_inserted(db, user_id, quota_settings)
        return prompt_id

    for _ in range(_MAX_ATTEMPTS):
        stored_id = run_in_transaction(insert_once)
        if stored_id is not None:
            return SubmittedPrompt(stored_id, is_new=stored_id == prompt_id)
    raise ConversationBusy("A prompt of this conversation still runs or waits; it has to end first")


def _find_existing(db: Connection, user_id: str, idempotency_key: str | None, fingerprint: str) -> str | None:
    """Find the prompt that an earlier request with this key stored. Raises IdempotencyKeyReused."""
    if idempotency_key is None:
        return None
    existing = prompt_runs.find_by_idempotency_key(db, user_id, idempotency_key)
    if existing is None:
        return None
    if existing.fingerprint != fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key has come with another request; a new request needs a new key")
    return existing.id


def start_prompt(submitted: SubmittedPrompt) -> None:
    """Start the prompt's execution if the prompt is running.

    An existing prompt is started too, because the request that created it may have died before it started it. If Step
    Functions does not respond, the prompt stays and the recovery starts it later.

    Raises:
        StepFunctionsError: Step Functions rejected the start, and a new prompt has been ended as failed.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    restarts = 0
    if not submitted.is_new:
        prompt = run_statement(prompt_runs.get_execution, submitted.id)
        if prompt is None or prompt.status != "running":
            return
        restarts = prompt.restarts
    try:
        prompt_execution.start(submitted.id, restarts)
    except StepFunctionsError as error:
        if not error.rejected:
            log.write("warning", "prompt not started yet", prompt_id=submitted.id, reason=error.message)
        elif not submitted.is_new or run_in_transaction(_fail_unstarted, submitted.id):
            raise


def _fail_unstarted(db: Connection, prompt_id: str) -> bool:
    """End a prompt whose id no client received, and free its key. False if an execution runs it all the same."""

    def is_unstarted(prompt: prompt_runs.PromptRun) -> bool:
        return prompt.status == "running" and prompt.owner is None

    if not end_prompt(db, prompt_id, "failed", "The prompt could not be started", may_end=is_unstarted):
        return False
    prompt_runs.release_idempotency_key(db, prompt_id)
    return True


def _validate_text(text: str, max_bytes: int) -> None:
    """Raise InvalidToolInput unless Postgres can store the text and it has at most `max_bytes` bytes of UTF-8."""
    problem = None
    if not text.strip():
        problem = "It must not be empty"
    elif "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        problem = "It may hold any text but NUL and halves of surrogate pairs"
    elif len(text.encode()) > max_bytes:
        problem = f"It must not be over {max_bytes} bytes"
    if problem:
        raise InvalidToolInput("The prompt is not valid", [{"path": ["input"], "message": problem}])


def _compute_fingerprint(text: str, model: str, conversation_id: str | None, tokens: bool) -> str:
    return hashlib.sha256(json.dumps([text, model, conversation_id, tokens]).encode()).hexdigest()


def make_title(text: str) -> str:
    """Shorten the first line of a prompt's input to a title."""
    line = " ".join(text.strip().splitlines()[0].split())
    return line if len(line) <= _MAX_TITLE_LENGTH else line[: _MAX_TITLE_LENGTH - 1] + "…"

"""Beginning a prompt: one transaction writes it down, then its execution is started."""

import hashlib
import json
import uuid
from collections.abc import Callable

from .. import log
from ..db import conversations, prompt_events, prompt_history, prompt_runs
from ..db.connection import Connection, run_in_transaction
from ..errors import ConversationBusy, IdempotencyKeyReused, InvalidToolInput, NotFound
from ..settings.prompts import PromptSettings
from ..workflows.step_functions import StepFunctionsError
from . import prompt_execution
from .model_items import build_user_message
from .termination import end_prompt

__all__ = ["submit_prompt"]

_MAX_TITLE_LENGTH = 80
"""Characters of a conversation's title."""

_MAX_ATTEMPTS = 3
"""So often a key or a conversation may change hands under a request before it is told that it is busy."""


def submit_prompt(
    user_id: str,
    text: str,
    *,
    model: str = "normal",
    conversation_id: str | None = None,
    tokens: bool = False,
    idempotency_key: str | None = None,
    on_created: Callable[[str], object] | None = None,
) -> str:
    """Begin a prompt and return its id; with `key`, the id of the prompt that the same request with it began before.

    `model` is `normal` or `high`; `tokens` lets those who follow have the model's text while it comes. `follow` is
    called with the id before the prompt runs, so that who wants to hear all of it is there in time. Raises
    InvalidToolInput for an input that cannot be, NotFound for a conversation that is not the user's, ConversationBusy,
    KeyReused where the key came with another request, and StartFailed where Step Functions refuses to begin.
    """
    settings = PromptSettings.load()
    _validate_text(text, settings.max_input_bytes)
    prompt_id, fingerprint = f"prompt-{uuid.uuid4().hex}", _compute_fingerprint(text, model, conversation_id, tokens)

    def insert_once(db: Connection) -> str | None:
        if idempotency_key is not None and (
            existing := prompt_runs.find_by_idempotency_key(db, user_id, idempotency_key)
        ):
            if existing.fingerprint != fingerprint:
                raise IdempotencyKeyReused(
                    "This Idempotency-Key has come with another request; a new request needs a new key"
                )
            return existing.id
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
        )
        if not is_inserted:
            # This very transaction, whose answer was lost; or somebody else's key or prompt.
            return prompt_id if prompt_runs.get(db, prompt_id) else None
        prompt_events.append(db, prompt_id, "prompt.created", {"promptId": prompt_id})
        prompt_history.append(db, prompt_id, 0, [build_user_message(text)])
        if conversation_id is not None:
            prompt_runs.touch_conversation(db, conversation_id, _make_title(text))
        return prompt_id

    for _ in range(_MAX_ATTEMPTS):
        submitted_id = run_in_transaction(insert_once)
        if submitted_id is not None:
            if on_created is not None:
                on_created(submitted_id)
            _start_execution(submitted_id, submitted_id == prompt_id)
            return submitted_id
    raise ConversationBusy("A prompt of this conversation still runs or waits; it has to end first")


def _start_execution(prompt_id: str, is_new: bool) -> None:
    """A repeat starts too what its first request may have died before it could."""
    prompt = run_in_transaction(prompt_runs.get_execution, prompt_id)
    if prompt is None or prompt.status != "running":
        return
    try:
        prompt_execution.start(prompt_id, prompt.restarts)
    except StepFunctionsError as error:
        if not error.rejected:
            # It may have been started, and what looks for prompts that nobody works on starts it if it was not.
            log.write("warning", "prompt not started yet", prompt_id=prompt_id, reason=error.message)
        elif not is_new or run_in_transaction(_fail_unstarted, prompt_id):
            raise


def _fail_unstarted(db: Connection, prompt_id: str) -> bool:
    """End a prompt whose id the client never gets; a repeat of its request creates another. False if it runs."""

    def is_unstarted(prompt: prompt_runs.PromptRun) -> bool:
        return prompt.status == "running" and prompt.owner is None

    if not end_prompt(db, prompt_id, "failed", "The prompt could not be started", may_end=is_unstarted):
        return False
    prompt_runs.release_idempotency_key(db, prompt_id)
    return True


def _validate_text(text: str, max_bytes: int) -> None:
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


def _make_title(text: str) -> str:
    line = " ".join(text.strip().splitlines()[0].split())
    return line if len(line) <= _MAX_TITLE_LENGTH else line[: _MAX_TITLE_LENGTH - 1] + "…"

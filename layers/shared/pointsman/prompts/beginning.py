"""Beginning a prompt: one transaction writes it down, then its execution is started."""

import hashlib
import json
import uuid
from collections.abc import Callable

from .. import log
from ..aws import StartFailed
from ..db import conversations, prompt_events, prompt_items, prompt_runs
from ..db.connection import Connection, run
from ..errors import ConversationBusy, InvalidToolInput, KeyReused, NotFound
from ..settings.prompts import PromptSettings
from . import told, waking

__all__ = ["begin"]

_TITLE = 80
"""Characters of a conversation's title."""

_AT_MOST = 3
"""So often a key or a conversation may change hands under a request before it is told that it is busy."""


def begin(
    user_id: str,
    text: str,
    *,
    model: str = "normal",
    conversation_id: str | None = None,
    tokens: bool = False,
    key: str | None = None,
    follow: Callable[[str], object] | None = None,
) -> str:
    """Begin a prompt and return its id; with `key`, the id of the prompt that the same request with it began before.

    `model` is `normal` or `high`; `tokens` lets those who follow have the model's text while it comes. `follow` is
    called with the id before the prompt runs, so that who wants to hear all of it is there in time. Raises
    InvalidToolInput for an input that cannot be, NotFound for a conversation that is not the user's, ConversationBusy,
    KeyReused where the key came with another request, and StartFailed where Step Functions refuses to begin.
    """
    settings = PromptSettings.load()
    _check(text, settings.max_input_bytes)
    prompt_id, fingerprint = f"prompt-{uuid.uuid4().hex}", _fingerprint(text, model, conversation_id, tokens)

    def write(db: Connection) -> str | None:
        if key is not None and (there := prompt_runs.of_key(db, user_id, key)):
            if there.fingerprint != fingerprint:
                raise KeyReused("This Idempotency-Key has come with another request; a new request needs a new key")
            return there.id
        if conversation_id is not None and not conversations.hold(db, conversation_id, user_id):
            raise NotFound(f"Conversation {conversation_id[:128]} not found")
        new = prompt_runs.insert(
            db, prompt_id, user_id, text, model=model, tokens=tokens, conversation_id=conversation_id, key=key,
            fingerprint=fingerprint, max_seconds=settings.max_seconds,
        )  # fmt: skip
        if not new:
            # This very transaction, whose answer was lost; or somebody else's key or prompt.
            return prompt_id if prompt_runs.get(db, prompt_id) else None
        prompt_events.add(db, prompt_id, "prompt.created", {"promptId": prompt_id})
        prompt_items.add(db, prompt_id, 0, [{"type": "message", "role": "user", "content": text}])
        if conversation_id is not None:
            prompt_runs.touch_conversation(db, conversation_id, _title(text))
        return prompt_id

    for _ in range(_AT_MOST):
        begun = run(write)
        if begun is not None:
            if follow is not None:
                follow(begun)
            _start(begun, begun == prompt_id)
            return begun
    raise ConversationBusy("A prompt of this conversation still runs or waits; it has to end first")


def _start(prompt_id: str, new: bool) -> None:
    """A repeat starts too what its first request may have died before it could."""
    prompt = run(lambda db: prompt_runs.waking(db, prompt_id))
    if prompt is None or prompt.status != "running":
        return
    try:
        waking.start(prompt_id, prompt.restarts)
    except StartFailed as error:
        if not error.refused:
            # It may have been started, and what looks for prompts that nobody works on starts it if it was not.
            log.say("warning", "prompt not started yet", prompt_id=prompt_id, reason=error.message)
        elif not new or run(lambda db: _given_up(db, prompt_id)):
            raise


def _given_up(db: Connection, prompt_id: str) -> bool:
    """End a prompt of which nobody is told; a repeat of the request begins another. False if it runs after all."""
    prompt_runs.hold_conversation(db, prompt_id)
    prompt = prompt_runs.hold(db, prompt_id)
    if prompt is None or prompt.status != "running" or prompt.owner is not None:
        return False
    prompt_runs.save(db, told.end(db, prompt, "failed", "The prompt could not be started"))
    prompt_runs.release_key(db, prompt_id)
    return True


def _check(text: str, limit: int) -> None:
    wrong = None
    if not text.strip():
        wrong = "It must not be empty"
    elif "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        wrong = "It may hold any text but NUL and halves of surrogate pairs"
    elif len(text.encode()) > limit:
        wrong = f"It must not be over {limit} bytes"
    if wrong:
        raise InvalidToolInput("The prompt is not valid", [{"path": ["input"], "message": wrong}])


def _fingerprint(text: str, model: str, conversation_id: str | None, tokens: bool) -> str:
    return hashlib.sha256(json.dumps([text, model, conversation_id, tokens]).encode()).hexdigest()


def _title(text: str) -> str:
    line = " ".join(text.strip().splitlines()[0].split())
    return line if len(line) <= _TITLE else line[: _TITLE - 1] + "…"

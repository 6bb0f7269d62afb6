"""Chat threads: the conversations of the protocols whose clients choose their own ids of chats and messages.

A client's thread belongs to the user who names it: the conversation's id is derived from both, so the same name of
another user is another conversation. Nothing is stored for it.
"""

import hashlib
import json

from ..db import conversations, prompt_runs, user_prompts
from ..db.connection import Connection, run_in_transaction
from ..errors import NotFound

__all__ = [
    "RECENT_SECONDS",
    "derive_idempotency_key",
    "find_conversation_id",
    "find_current_prompt",
    "find_submitted_prompt",
    "is_prompt_of",
]

RECENT_SECONDS = 60.0
"""For so long after its end a thread's last prompt is still followed by a client that comes back."""


def find_conversation_id(user_id: str, thread_id: str) -> str:
    """Return the id of the conversation that a thread of a user is, whether that exists or not.

    The id of one of the user's conversations is a thread, too: any conversation can be continued.

    Raises:
        NotFound: it has the form of a conversation's id, and the user has no such conversation.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    if conversations.is_conversation_id(thread_id):
        if run_in_transaction(conversations.get, thread_id, user_id) is None:
            raise NotFound(f"Conversation {thread_id} not found")
        return thread_id
    return f"conv-{_digest('thread', user_id, thread_id)[:32]}"


def derive_idempotency_key(conversation_id: str, message_id: str) -> str:
    """Return the idempotency key of a message, so that it is submitted once, in whichever protocol it is sent again."""
    return f"chat-{_digest('message', conversation_id, message_id)}"


def find_submitted_prompt(user_id: str, idempotency_key: str) -> str | None:
    """Return the id of the prompt that was submitted with this key; None if there is none.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    stored = run_in_transaction(prompt_runs.find_by_idempotency_key, user_id, idempotency_key)
    return stored.id if stored else None


def find_current_prompt(user_id: str, conversation_id: str) -> str | None:
    """Return the id of the conversation's last prompt if it is active, or has ended just now; else None.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    return run_in_transaction(user_prompts.find_current_of_conversation, conversation_id, user_id, RECENT_SECONDS)


def is_prompt_of(user_id: str, conversation_id: str, prompt_id: str) -> bool:
    """Return whether the user's prompt belongs to the conversation.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """

    def check(db: Connection) -> bool:
        prompt = user_prompts.get(db, prompt_id, user_id)
        return prompt is not None and prompt.conversation_id == conversation_id

    return run_in_transaction(check)


def _digest(*parts: str) -> str:
    text = json.dumps(parts)  # Unlike joined parts, these cannot be read in two ways.
    return hashlib.sha256(text.encode()).hexdigest()

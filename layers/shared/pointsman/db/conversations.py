"""The table `conversations`. Each statement is restricted to one user's rows."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from .connection import Connection
from .rows import fetch_all, fetch_one

__all__ = [
    "Conversation",
    "delete",
    "generate_id",
    "get",
    "insert",
    "is_conversation_id",
    "list_page",
    "lock_for_update",
]

_ID_PATTERN = re.compile("conv-[0-9a-f]{32}")
_COLUMNS = "id, title, created_at, updated_at"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A row of `conversations`. `title` is None until the first prompt."""

    id: str
    title: str | None
    created_at: datetime
    updated_at: datetime


def generate_id() -> str:
    """Return a new id, `conv-` and 32 hexadecimal digits."""
    return f"conv-{uuid.uuid4().hex}"


def is_conversation_id(text: str) -> bool:
    """Return whether a text has the form of a conversation's id."""
    return _ID_PATTERN.fullmatch(text) is not None


def insert(connection: Connection, conversation_id: str, user_id: str) -> None:
    """Insert a conversation without a title, unless one with this id exists."""
    connection.execute(
        "INSERT INTO conversations (id, user_id) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING",
        (conversation_id, user_id),
    )


def list_page(connection: Connection, user_id: str, limit: int, offset: int) -> list[Conversation]:
    """Return a page of the user's conversations, the most recently updated first."""
    return fetch_all(
        connection,
        Conversation,
        f"SELECT {_COLUMNS} FROM conversations WHERE user_id = %s ORDER BY updated_at DESC, id LIMIT %s OFFSET %s",
        (user_id, limit, offset),
    )


def get(connection: Connection, conversation_id: str, user_id: str) -> Conversation | None:
    """Return the user's conversation; None if it is unknown or another user's, or the id is malformed."""
    if not _ID_PATTERN.fullmatch(conversation_id):
        return None
    return fetch_one(
        connection,
        Conversation,
        f"SELECT {_COLUMNS} FROM conversations WHERE id = %s AND user_id = %s",
        (conversation_id, user_id),
    )


def lock_for_update(connection: Connection, conversation_id: str, user_id: str) -> bool:
    """Lock the user's conversation until the transaction ends; False if the user has no such conversation."""
    if not _ID_PATTERN.fullmatch(conversation_id):
        return False
    query = "SELECT FROM conversations WHERE id = %s AND user_id = %s FOR UPDATE"
    return connection.execute(query, (conversation_id, user_id)).rowcount == 1


def delete(connection: Connection, conversation_id: str, user_id: str) -> bool:
    """Delete the user's conversation; False if the user has no such conversation. Its prompts stay, detached."""
    if not _ID_PATTERN.fullmatch(conversation_id):
        return False
    cursor = connection.execute("DELETE FROM conversations WHERE id = %s AND user_id = %s", (conversation_id, user_id))
    return cursor.rowcount == 1

"""The table `prompts` as its users see it. Each statement is restricted to one user's rows."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, LiteralString, NamedTuple

from ..list_cursor import ListCursor
from .connection import Connection
from .rows import build_page_filter, fetch_all, fetch_one

__all__ = [
    "ListedPrompt",
    "PromptDetails",
    "PromptFilter",
    "PromptStatus",
    "PromptSummary",
    "belongs_to",
    "find_current_of_conversation",
    "get",
    "is_prompt_id",
    "list_newest",
    "list_newest_of_conversation",
]

PromptStatus = Literal["running", "waiting", "completed", "failed", "cancelled"]

_BEGINNING: LiteralString = "left(input, 1000)"
_ID_PATTERN = re.compile("prompt-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class PromptSummary:
    """A row of `prompts`, with the columns for a conversation's list."""

    id: str
    input: str
    status: PromptStatus
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ListedPrompt:
    """A row of `prompts`, with the columns for a list of prompts; `input` is the beginning of it."""

    id: str
    conversation_id: str | None
    input: str
    model: str
    status: PromptStatus
    error: str | None
    usage_total: int
    created_at: datetime
    updated_at: datetime


class PromptFilter(NamedTuple):
    """What is listed: the user's prompts that fit all that is not None."""

    status: PromptStatus | None = None
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class PromptDetails:
    """A row of `prompts`, with the columns for a single prompt. `usage_…` are numbers of tokens."""

    id: str
    conversation_id: str | None
    input: str
    model: str
    status: PromptStatus
    usage_input: int
    usage_output: int
    usage_total: int
    error: str | None
    created_at: datetime
    updated_at: datetime


def get(connection: Connection, prompt_id: str, user_id: str) -> PromptDetails | None:
    """Return the user's prompt; None if it is unknown or another user's, or the id is malformed."""
    if not _ID_PATTERN.fullmatch(prompt_id):
        return None
    return fetch_one(
        connection,
        PromptDetails,
        "SELECT id, conversation_id, input, model, status, usage_input, usage_output, usage_total, error, created_at,"
        " updated_at FROM prompts WHERE id = %s AND user_id = %s",
        (prompt_id, user_id),
    )


def is_prompt_id(text: str) -> bool:
    """Return whether a text may be a prompt's id, so that it can stand in a statement."""
    return _ID_PATTERN.fullmatch(text) is not None


def belongs_to(connection: Connection, prompt_id: str, user_id: str) -> bool:
    """Return whether the prompt is the user's; False if it is unknown, or the id is malformed."""
    if not is_prompt_id(prompt_id):
        return False
    query = "SELECT FROM prompts WHERE id = %s AND user_id = %s"
    return connection.execute(query, (prompt_id, user_id)).rowcount == 1


def find_current_of_conversation(
    connection: Connection, conversation_id: str, user_id: str, recent_seconds: float
) -> str | None:
    """Return the id of the conversation's newest prompt if it is active or ended within `recent_seconds`, else None."""
    row = connection.execute(
        "SELECT id FROM ("
        " SELECT id, status, ended_at FROM prompts WHERE conversation_id = %s AND user_id = %s"
        " ORDER BY created_at DESC, id DESC LIMIT 1) AS newest"
        " WHERE status IN ('running', 'waiting') OR ended_at > clock_timestamp() - make_interval(secs => %s)",
        (conversation_id, user_id, recent_seconds),
    ).fetchone()
    return None if row is None else row["id"]


def list_newest_of_conversation(
    connection: Connection,
    conversation_id: str,
    user_id: str,
    after: ListCursor | None,
    limit: int,
    max_bytes: int,
) -> list[PromptSummary]:
    """Return the user's newest prompts of a conversation, the newest first.

    Args:
        connection: The connection of the transaction.
        conversation_id: The conversation.
        user_id: Whose prompts.
        after: The place of the last prompt of the page before; None for the first page.
        limit: The most prompts.
        max_bytes: Of the inputs before the last one, so that no large page is read only to be cut.
    """
    return fetch_all(
        connection,
        PromptSummary,
        "SELECT id, input, status, created_at, updated_at FROM ("
        " SELECT *,"
        "  sum(octet_length(input)) OVER (ORDER BY created_at DESC, id DESC) - octet_length(input) AS size_before"
        " FROM prompts WHERE conversation_id = %(conversation)s AND user_id = %(user)s"
        "  AND (%(after)s::timestamptz IS NULL OR (created_at, id) < (%(after)s, %(after_id)s))"
        " ORDER BY created_at DESC, id DESC LIMIT %(limit)s) AS newest"
        " WHERE size_before <= %(max_bytes)s ORDER BY created_at DESC, id DESC",
        {
            "conversation": conversation_id, "user": user_id, "after": after and after.at,
            "after_id": after and after.id, "limit": limit, "max_bytes": max_bytes,
        },
    )  # fmt: skip


def list_newest(
    connection: Connection, user_id: str, which: PromptFilter, after: ListCursor | None, limit: int
) -> list[ListedPrompt]:
    """Return the user's newest prompts of the filter, the newest first.

    Args:
        connection: The connection of the transaction.
        user_id: The user.
        which: The filter.
        after: The place of the last prompt of the page before; None for the first page.
        limit: How many prompts at most.
    """
    where, parameters = build_page_filter(
        [("user_id = %s", user_id), ("status = %s", which.status), ("conversation_id = %s", which.conversation_id)],
        "created_at, id",
        after,
    )
    return fetch_all(
        connection,
        ListedPrompt,
        f"SELECT id, conversation_id, {_BEGINNING} AS input, model, status, error, usage_total,"
        f" created_at, updated_at FROM prompts WHERE {where} ORDER BY created_at DESC, id DESC LIMIT %s",
        [*parameters, limit],
    )

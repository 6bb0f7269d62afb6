"""The list of a user's prompts, page by page, the newest first."""

from ..db import user_prompts
from ..db.connection import run_in_transaction
from ..db.user_prompts import PromptFilter
from ..errors import InvalidToolInput
from ..list_cursor import ListCursor, format_cursor, parse_cursor
from ..timestamps import format_timestamp
from .submission import make_title

__all__ = ["list_prompts"]


def list_prompts(user_id: str, which: PromptFilter, cursor: str | None, limit: int) -> dict[str, object]:
    """List a page of the user's prompts as JSON, the newest first.

    Args:
        user_id: the user.
        which: what is listed.
        cursor: the last page's `nextCursor`; None for the first page.
        limit: the most prompts of a page.

    Returns:
        `prompts`, and `nextCursor` if there are more. `title` is the shortened first line of the input.

    Raises:
        InvalidToolInput: the cursor is not one of ours.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    after = None if cursor is None else parse_cursor(cursor)
    if cursor is not None and after is None:
        message = "It must be the nextCursor of a page of this list"
        raise InvalidToolInput("The request is not valid", [{"path": ["cursor"], "message": message}])
    found = run_in_transaction(user_prompts.list_newest, user_id, which, after, limit + 1)
    page: dict[str, object] = {"prompts": [_serialize_listed(prompt) for prompt in found[:limit]]}
    if len(found) > limit:
        last = found[limit - 1]
        page["nextCursor"] = format_cursor(ListCursor(last.created_at, last.id))
    return page


def _serialize_listed(prompt: user_prompts.ListedPrompt) -> dict[str, object]:
    listed: dict[str, object] = {"id": prompt.id}
    if prompt.conversation_id is not None:
        listed["conversationId"] = prompt.conversation_id
    listed |= {
        "title": make_title(prompt.input),
        "model": prompt.model,
        "status": prompt.status,
        "totalTokens": prompt.usage_total,
    }
    if prompt.error is not None:
        listed["error"] = prompt.error
    return {
        **listed,
        "createdAt": format_timestamp(prompt.created_at),
        "updatedAt": format_timestamp(prompt.updated_at),
    }

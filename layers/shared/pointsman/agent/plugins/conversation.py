"""Plugin `conversation`: conversations of the calling user, for clients only."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from ...list_cursor import ListCursor, format_cursor, parse_cursor
from ...response_size import MAX_PAGE_BYTES, count_fitting
from ...timestamps import format_timestamp
from ..models import Input, NextCursor, Output, PageCursor, Timestamp, WholeNumber, drop_default, no_next_cursor
from ..plugin import NoConfig, Plugin
from ..tool import Tool, ToolContext

__all__ = ["Conversation"]

_MAX_LIMIT = 100
_MAX_OFFSET = 2**31 - 1


Title = Annotated[str | None, WithJsonSchema({"type": "string"})]


class CreateInput(Input):
    pass


class Created(Output):
    id: str


class ListInput(Input):
    limit: WholeNumber = Field(20, ge=1, le=_MAX_LIMIT)
    offset: WholeNumber = Field(0, ge=0, le=_MAX_OFFSET)


class Listed(Output):
    """`title` is there once the conversation has a prompt, of which it is made."""

    id: str
    createdAt: Timestamp
    updatedAt: Timestamp
    title: Title = Field(None, exclude_if=lambda title: title is None, json_schema_extra=drop_default)


class ListOutput(Output):
    conversations: list[Listed]


class One(Input):
    conversationId: str = Field(min_length=1, max_length=128)


class Get(One):
    """A page has the newest prompts before the cursor: all that fit, or as many as `limit` says."""

    limit: WholeNumber = Field(_MAX_LIMIT, ge=1, le=_MAX_LIMIT)
    cursor: PageCursor = ""


class PromptOfConversation(Output):
    id: str
    input: str
    status: Literal["running", "waiting", "completed", "failed", "cancelled"]
    createdAt: Timestamp
    updatedAt: Timestamp


class GetOutput(Listed):
    """`prompts` are the oldest first; `nextCursor` is there if there are older ones than these."""

    prompts: list[PromptOfConversation]
    nextCursor: NextCursor = no_next_cursor()


class Deleted(Output):
    deleted: bool = Field(description="False where there was none of this id that is yours")


def _create_conversation(context: ToolContext[CreateInput]) -> Created:
    from ...db import connection, conversations

    conversation_id = conversations.generate_id()
    connection.run_in_transaction(conversations.insert, conversation_id, context.user_id)
    return Created(id=conversation_id)


def _list_conversations(context: ToolContext[ListInput]) -> ListOutput:
    from ...db import connection, conversations

    page = context.input
    rows = connection.run_in_transaction(conversations.list_page, context.user_id, page.limit, page.offset)
    return ListOutput(
        conversations=[
            Listed(
                id=row.id,
                createdAt=format_timestamp(row.created_at),
                updatedAt=format_timestamp(row.updated_at),
                title=row.title,
            )
            for row in rows
        ]
    )


def _get_conversation(context: ToolContext[Get]) -> GetOutput:
    from ...db import connection, conversations, user_prompts
    from ...errors import NotFound

    conversation_id, limit = context.input.conversationId, context.input.limit
    after = parse_cursor(context.input.cursor)

    def load(db: connection.Connection) -> tuple[conversations.Conversation | None, list[user_prompts.PromptSummary]]:
        conversation = conversations.get(db, conversation_id, context.user_id)
        return conversation, user_prompts.list_newest_of_conversation(
            db, conversation_id, context.user_id, after, limit + 1, MAX_PAGE_BYTES
        ) if conversation else []

    conversation, rows = connection.run_in_transaction(load)
    if conversation is None:
        raise NotFound(f"Conversation {conversation_id} not found")
    prompts = [
        PromptOfConversation(
            id=row.id,
            input=row.input,
            status=row.status,
            createdAt=format_timestamp(row.created_at),
            updatedAt=format_timestamp(row.updated_at),
        )
        for row in rows
    ]
    count = min(count_fitting(prompt.model_dump() for prompt in prompts), limit)
    next_cursor = None
    if count < len(rows):
        next_cursor = format_cursor(ListCursor(rows[count - 1].created_at, rows[count - 1].id))
    return GetOutput(
        id=conversation.id,
        createdAt=format_timestamp(conversation.created_at),
        updatedAt=format_timestamp(conversation.updated_at),
        title=conversation.title,
        prompts=prompts[:count][::-1],
        nextCursor=next_cursor,
    )


def _delete_conversation(context: ToolContext[One]) -> Deleted:
    from ...db import connection, conversations

    conversation_id = context.input.conversationId
    return Deleted(deleted=connection.run_in_transaction(conversations.delete, conversation_id, context.user_id))


class Conversation(Plugin[NoConfig]):
    """Tools `conversation.create`, `list`, `get` and `delete`, for the caller's own conversations. All client-only."""

    id = "conversation"
    tools = (
        Tool(
            "conversation.create",
            "Begin a conversation: prompts that name it continue each other",
            CreateInput,
            Created,
            _create_conversation,
            client_only=True,
            open_world=False,
            example={},
        ),
        Tool(
            "conversation.list",
            "Your conversations, the one that was used last first",
            ListInput,
            ListOutput,
            _list_conversations,
            client_only=True,
            read_only=True,
            open_world=False,
            example={"limit": 20, "offset": 0},
        ),
        Tool(
            "conversation.get",
            "One of your conversations with its newest prompts; with a cursor, those before",
            Get,
            GetOutput,
            _get_conversation,
            client_only=True,
            read_only=True,
            open_world=False,
            example={"conversationId": "conv-0123456789abcdef0123456789abcdef"},
        ),
        Tool(
            "conversation.delete",
            "Forget one of your conversations. Its prompts stay",
            One,
            Deleted,
            _delete_conversation,
            client_only=True,
            destructive=True,
            idempotent=True,
            open_world=False,
            example={"conversationId": "conv-0123456789abcdef0123456789abcdef"},
        ),
    )

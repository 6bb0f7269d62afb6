"""Conversations of the calling user, for clients only."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ...moments import iso
from ..models import Input, Output, Timestamp
from ..plugin import NoConfig, Plugin
from ..tool import Tool, ToolContext

__all__ = ["Conversation"]

_MAX_LIMIT = 100
_MAX_OFFSET = 2**31 - 1


Title = Annotated[str | None, WithJsonSchema({"type": "string"})]


def _optional(schema: dict[str, Any]) -> None:
    """It is left out where there is none; null is never told."""
    schema.pop("default")


class CreateInput(Input):
    pass


class Created(Output):
    id: str


class ListInput(Input):
    limit: int = Field(20, ge=1, le=_MAX_LIMIT)
    offset: int = Field(0, ge=0, le=_MAX_OFFSET)


class Listed(Output):
    """`title` is there once the conversation has a prompt, of which it is made."""

    id: str
    createdAt: Timestamp
    updatedAt: Timestamp
    title: Title = Field(None, exclude_if=lambda title: title is None, json_schema_extra=_optional)


class ListOutput(Output):
    conversations: list[Listed]


class One(Input):
    conversationId: str = Field(min_length=1, max_length=128)


class PromptOfConversation(Output):
    id: str
    input: str
    status: Literal["running", "waiting", "completed", "failed", "cancelled"]
    createdAt: Timestamp
    updatedAt: Timestamp


class GetOutput(Listed):
    """`prompts` are the oldest first."""

    prompts: list[PromptOfConversation]


class Deleted(Output):
    deleted: bool = Field(description="False where there was none of this id that is yours")


def _create(context: ToolContext[CreateInput]) -> Created:
    from ...db import connection, conversations

    conversation_id = conversations.new_id()
    connection.run(lambda db: conversations.insert(db, conversation_id, context.user_id))
    return Created(id=conversation_id)


def _list(context: ToolContext[ListInput]) -> ListOutput:
    from ...db import connection, conversations

    page = context.input
    found = connection.run(lambda db: conversations.page(db, context.user_id, page.limit, page.offset))
    return ListOutput(
        conversations=[
            Listed(id=one.id, createdAt=iso(one.created_at), updatedAt=iso(one.updated_at), title=one.title)
            for one in found
        ]
    )


def _get(context: ToolContext[One]) -> GetOutput:
    from ...db import connection, conversations, prompts
    from ...errors import NotFound

    wanted = context.input.conversationId

    def look(db: connection.Connection) -> tuple[conversations.Conversation | None, list[prompts.Prompt]]:
        one = conversations.get(db, wanted, context.user_id)
        return one, prompts.of_conversation(db, wanted, context.user_id) if one else []

    found, asked = connection.run(look)
    if found is None:
        raise NotFound(f"Conversation {wanted} not found")
    return GetOutput(
        id=found.id,
        createdAt=iso(found.created_at),
        updatedAt=iso(found.updated_at),
        title=found.title,
        prompts=[
            PromptOfConversation(
                id=one.id,
                input=one.input,
                status=one.status,
                createdAt=iso(one.created_at),
                updatedAt=iso(one.updated_at),
            )
            for one in asked
        ],
    )


def _delete(context: ToolContext[One]) -> Deleted:
    from ...db import connection, conversations

    wanted = context.input.conversationId
    return Deleted(deleted=connection.run(lambda db: conversations.delete(db, wanted, context.user_id)))


class Conversation(Plugin[NoConfig]):
    """`conversation.create`, `list`, `get` and `delete`, each confined to the calling user. Never the model's."""

    id = "conversation"
    tools = (
        Tool(
            "conversation.create",
            "Begin a conversation: prompts that name it continue each other",
            CreateInput,
            Created,
            _create,
            client_only=True,
            example={},
        ),
        Tool(
            "conversation.list",
            "Your conversations, the one that was used last first",
            ListInput,
            ListOutput,
            _list,
            client_only=True,
            example={"limit": 20, "offset": 0},
        ),
        Tool(
            "conversation.get",
            "One of your conversations with its prompts",
            One,
            GetOutput,
            _get,
            client_only=True,
            example={"conversationId": "conv-0123456789abcdef0123456789abcdef"},
        ),
        Tool(
            "conversation.delete",
            "Forget one of your conversations. Its prompts stay",
            One,
            Deleted,
            _delete,
            client_only=True,
            example={"conversationId": "conv-0123456789abcdef0123456789abcdef"},
        ),
    )

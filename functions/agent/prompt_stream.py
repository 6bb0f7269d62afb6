"""POST /prompt and GET /prompts/{promptId}/stream: begin a prompt, or follow one, as server-sent events.

Chat front ends use other protocols for the same: POST /agui, POST /chat and GET /chat/{chatId}/stream.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from pointsman.http.agent_api.prompt_stream import create_stream_app

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

CHAT_PATH = re.compile("/(agui|chat|chat/[^/]+/stream)$")


@cache
def has_conversations() -> bool:
    """Whether the plugin `conversation` is registered. Composes on demand, because plugins load pydantic."""
    from composition import compose

    return "conversation" in compose().plugins.ids


prompt_app = create_stream_app(has_conversations)


@cache
def load_chat_app() -> "ASGIApp":
    """Create the app of the chat protocols, which a prompt's own stream does not need."""
    from pointsman.http.chat_protocols.chat_app import create_chat_app

    return create_chat_app(has_conversations)


async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
    is_chat = CHAT_PATH.search(scope["raw_path"].decode("ascii", "replace"))
    await (load_chat_app() if is_chat else prompt_app)(scope, receive, send)

"""POST /prompt and GET /prompts/{promptId}/stream: begin a prompt, or follow one, as server-sent events."""

from pointsman.http.agent_api.prompt_stream import create_stream_app


def has_conversations() -> bool:
    """Whether the plugin `conversation` is registered. Composes on demand, because plugins load pydantic."""
    from composition import compose

    return "conversation" in compose().plugins.ids


app = create_stream_app(has_conversations)

"""The protocols of chat front ends, AG-UI and the AI SDK's UI message stream, as mappings of a prompt's event log.

Entry point: `chat_app.create_chat_app`, the ASGI app of `POST /agui`, `POST /chat` and `GET /chat/{chatId}/stream`.
Called by functions/agent/prompt_stream.py.

    chat_request                      a request of either protocol, validated
    agui_input, ui_message_request    the request of each protocol
    event_mapping                     what both mappings share: turns, texts, tool calls, approvals
    agui_events, ui_message_chunks    the events of each protocol

Both read the same log, so a prompt that was submitted in one protocol is followed in the other, or in the project's own
stream. Nothing here loads FastAPI, pydantic or a protocol's own package: tests compare with those.

Never decides who may do what: pointsman.prompts does.
"""

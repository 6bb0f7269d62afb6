"""Clients of Railway, OpenRouter, AgentMail and Telnyx.

Owns what is sent to a provider, how its responses are parsed, and which failures of a call are certain or unknown.
Never accesses the database, never decides about instances; providers do not import each other.

Entry points, for `pointsman.lifecycle`: `railway.get_client()`; `registry.get_tool_provider()` for the tools that an
instance can have, each a `base.ToolProvider`; `openrouter.get_provider()` for the account's credits.
"""
